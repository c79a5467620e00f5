"""What `grace log verify` believes: only what makes the signed root. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from grace.client.proofs import NotProven, check_entries, check_head
from grace.contracts.identity import Checkpoint as Signed
from grace.contracts.identity import Entry
from grace.transparency import Checkpoint, encode_verifier_key, leaf_hash, root, sign

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


@given(st.integers(0, 20), st.integers(0, 20))
def test_the_log_begins_with_what_any_earlier_head_stands_for(size: int, more: int) -> None:
    log = log_of(size + more)
    assert check_entries(log, head_of(log), head_of(log[:size])) == size + more


@pytest.mark.parametrize(
    "kept",
    [
        head_of(log_of(8)),  # what came behind was cut off
        head_of(altered(log_of(7), 3, leaf_hash(b"another").hex())),
        head_of(altered(log_of(3), 0, leaf_hash(b"another").hex())),
        Checkpoint("another", 3, head_of(log_of(3)).root),
    ],
)
def test_a_log_that_does_not_begin_so_is_refused(kept: Checkpoint) -> None:
    log = log_of(7)
    with pytest.raises(NotProven):
        check_entries(log, head_of(log), kept)


def test_the_head_of_another_log_of_the_same_key_is_refused() -> None:
    key = Ed25519PrivateKey.generate()
    verifier = encode_verifier_key("log", key.public_key())

    def signed(origin: str) -> Signed:
        head = Checkpoint(origin, 7, bytes(32))
        note = sign(head, "log", key)
        return Signed(origin="log", size=7, root=head.root, note=note, verifier_key=verifier)

    assert check_head(signed("log"), verifier).size == 7
    with pytest.raises(NotProven, match="the head of another"):
        check_head(signed("another"), verifier)
