"""What `grace log verify` believes: only what makes the signed root. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.client.proofs import NotProven, check_entries
from grace.contracts.identity import Entry
from grace.transparency import Checkpoint, leaf_hash, root

NOW = datetime(2026, 11, 21, tzinfo=UTC)

Log = list[Entry]


def log_of(size: int) -> Log:
    return [
        Entry(
            index=index,
            producer="intent",
            subject="error.captured",
            message_id=f"message-{index}",
            leaf_hash=leaf_hash(str(index).encode()).hex(),
            at=NOW,
        )
        for index in range(size)
    ]


def head_of(log: Log) -> Checkpoint:
    return Checkpoint("log", len(log), root(bytes.fromhex(entry.leaf_hash) for entry in log))


@given(st.integers(0, 40))
def test_the_whole_log_makes_the_root(size: int) -> None:
    log = log_of(size)
    assert check_entries(log, head_of(log)) == size


def altered(log: Log, at: int, leaf: str) -> Log:
    return [*log[:at], log[at].model_copy(update={"leaf_hash": leaf}), *log[at + 1 :]]


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log[:-1],
        lambda log: log[1:],
        lambda log: [*log[:3], *log[4:]],
        lambda log: [log[1], log[0], *log[2:]],
        lambda log: [*log, log[-1]],
        lambda log: [*log, log_of(len(log) + 1)[-1]],
        lambda log: altered(log, 3, leaf_hash(b"another").hex()),
        lambda log: altered(log, 3, "ab"),
        lambda log: altered(log, 3, "no-hash"),
        lambda log: log[:0],
    ],
)
def test_any_other_log_does_not(change: Callable[[Log], Log]) -> None:
    log = log_of(7)
    with pytest.raises(NotProven):
        check_entries(change(log), head_of(log))
