"""Reports travel together, but never in a message too large for the bus."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.contracts.htm import TaskReports, TaskUpdate, TaskUpdateStatus
from grace.worker.loops.report import batches

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def update(length: int, text: str = "ä", error: str | None = None) -> TaskUpdate:
    return TaskUpdate(
        task_id="task",
        status=TaskUpdateStatus.completed,
        worker_id="worker",
        attempt_number=1,
        at=NOW,
        result_json=text * (length // len(text.encode())),
        error_message=error,
    )


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from([0, 10, 100_000, 262_144]), max_size=8),
    st.sampled_from(["ä", "\N{SNOWMAN}", "\N{PILE OF POO}", '"']),
)
def test_every_report_is_sent_once_in_order_and_fits(lengths: list[int], text: str) -> None:
    updates = [update(length, text) for length in lengths]
    cut = list(batches(updates))
    assert [u for batch in cut for u in batch] == updates
    for batch in cut:
        TaskReports(updates=batch).to_bytes()


def test_small_reports_travel_together() -> None:
    assert len(list(batches([update(10)] * 400))) == 1


@pytest.mark.parametrize(
    "updates",
    [[update(262_144, "\N{PILE OF POO}")] * 4, [update(0, error="\x01" * 4096)] * 500],
    ids=["results", "errors"],
)
def test_what_takes_more_bytes_than_characters_fits(updates: list[TaskUpdate]) -> None:
    for batch in batches(updates):
        TaskReports(updates=batch).to_bytes()
