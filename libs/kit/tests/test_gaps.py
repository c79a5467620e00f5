"""What leaves a stream before it was read is told of: on the metric, in health, in the log, once."""

from datetime import timedelta
from typing import Any

import pytest

from grace.kit import Runtime, service
from grace.kit.metrics import MESSAGES_MISSED
from grace.testkit import eventually

from .conftest import CONSUMER, Desk, publish

STREAM = "EVENTS"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks move every tenth of a second."""
    monkeypatch.setattr(service, "_GAPS_INTERVAL", timedelta(milliseconds=100))


async def last_sequence(desk: Desk) -> int:
    client = await desk.house.connect("tester")
    found: int = (await client.jetstream().stream_info(STREAM)).state.last_seq
    return found


async def expire_all(desk: Desk) -> None:
    """What the age of a week does to all that a stream has."""
    client = await desk.house.connect("tester")
    await client.jetstream().purge_stream(STREAM)


async def mark(desk: Desk, sequence: int, missed: int = 0) -> dict[str, Any]:
    """Wait until the mark of the consumer is there."""

    async def stands() -> dict[str, Any] | None:
        rows = await desk.house.rows("learning", "SELECT * FROM consumer_marks")
        found = {row["consumer"]: dict(row) for row in rows}.get(CONSUMER, {})
        same = (found.get("sequence"), found.get("missed")) == (sequence, missed)
        return found if same else None

    found: dict[str, Any] = await eventually(stands)
    return found


def gauge() -> float:
    found: float = MESSAGES_MISSED.labels("learning", CONSUMER)._value.get()
    return found


async def test_what_was_read_may_go_and_what_was_not_is_told_of_for_a_day(
    desk: Desk, verification: Runtime
) -> None:
    async with desk.reading() as running:
        await publish(verification, "a", "b")
        await desk.noted("a", "b")
        read = await last_sequence(desk)
        await mark(desk, read)
        await expire_all(desk)
        await publish(verification, "c")
        await desk.noted("a", "b", "c")
        read = await last_sequence(desk)
        await mark(desk, read)
        assert (gauge(), running.runtime.complaints["gaps"]) == (0, [])
    await publish(verification, "d", "e")

    async def are_stored() -> bool:
        return await last_sequence(desk) >= read + 2

    await eventually(are_stored)
    await expire_all(desk)
    gone = await last_sequence(desk) - read
    async with desk.reading() as running:
        await mark(desk, read + gone, missed=gone)
        told = [f"{CONSUMER} missed {gone} messages within a day, at most"]
        assert await eventually(lambda: is_told(running.runtime, told))
        assert gauge() == gone
        await desk.house.rows(
            "learning", "UPDATE consumer_marks SET missed_at = missed_at - interval '25 hours'"
        )
        assert await eventually(lambda: is_told(running.runtime, []))
        assert gauge() == 0


async def is_told(runtime: Runtime, wanted: list[str]) -> bool:
    return runtime.complaints.get("gaps") == wanted


async def test_of_a_stream_that_was_made_anew_nothing_is_missed(
    desk: Desk, verification: Runtime
) -> None:
    async with desk.reading():
        await publish(verification, "a")
        await desk.noted("a")
        await mark(desk, await last_sequence(desk))
    await desk.house.empty_streams()
    async with desk.reading() as running:
        await publish(verification, "b")
        await desk.noted("a", "b")
        await mark(desk, await last_sequence(desk))
        assert running.runtime.complaints["gaps"] == []
