"""What a receipt makes of the next attempt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.worker.domain.capability import Act, Step
from grace.worker.domain.failure import BlockedError, MissingError, UnknownOutcomeError
from grace.worker.domain.receipt import (
    AnswerAgain,
    Busy,
    Claimant,
    Done,
    Foreign,
    Receipt,
    Resume,
    Start,
    decide,
    ends_of_revert,
    hash_of,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DONE = Done({"set": True}, {"value": "5ms"})
receipts = st.builds(
    Receipt,
    id=st.just(UUID(int=1)),
    act_hash=st.sampled_from(["a", "b"]),
    task_id=st.sampled_from(["t1", "t2"]),
    attempt_number=st.integers(1, 4),
    before=st.just({"value": None}),
    held_until=st.integers(-5, 5).map(lambda s: NOON + timedelta(seconds=s)),
    done=st.sampled_from([None, DONE]),
)
claimants = st.builds(
    Claimant, task_id=st.sampled_from(["t1", "t2"]), attempt_number=st.integers(1, 4)
)


@given(claimants)
def test_without_a_receipt_the_effect_begins(who: Claimant) -> None:
    assert decide(None, "a", who, now=NOON) == Start()


@given(receipts, claimants)
def test_with_a_receipt_nothing_ever_begins_anew(receipt: Receipt, who: Claimant) -> None:
    assert decide(receipt, "a", who, now=NOON) != Start()


@given(receipts, claimants)
def test_a_complete_receipt_answers_again_and_only_for_the_same_act(
    receipt: Receipt, who: Claimant
) -> None:
    match decide(receipt, "a", who, now=NOON):
        case AnswerAgain(found, done):
            assert receipt.act_hash == "a"
            assert (found, done) == (receipt, DONE)
        case Foreign():
            assert receipt.act_hash == "b"
        case Resume() | Busy():
            assert receipt.done is None


@given(receipts, claimants)
def test_an_earlier_attempt_never_takes_over_from_a_later_one(
    receipt: Receipt, who: Claimant
) -> None:
    decision = decide(receipt, "a", who, now=NOON)
    if isinstance(decision, Resume) and receipt.task_id == who.task_id:
        assert receipt.attempt_number <= who.attempt_number


@given(receipts, claimants)
def test_another_task_waits_until_the_holder_cannot_be_acting(
    receipt: Receipt, who: Claimant
) -> None:
    decision = decide(receipt, "a", who, now=NOON)
    if isinstance(decision, Resume) and receipt.task_id != who.task_id:
        assert receipt.held_until < NOON


ACT = Act("default", "c1", "a1", Step.APPLY, "postgres.x", "shop", "{}")
OTHERS = {
    "tenant_id": "other",
    "contract_id": "c2",
    "action_id": "a2",
    "step": Step.REVERT,
    "operation": "postgres.y",
    "target": "bank",
    "params": "{ }",
}


@pytest.mark.parametrize("field", OTHERS)
def test_every_part_of_an_act_is_in_its_hash(field: str) -> None:
    assert hash_of(replace(ACT, **{field: OTHERS[field]})) != hash_of(ACT)  # type: ignore[arg-type]


OPEN = Receipt(UUID(int=1), hash_of(ACT), "t1", 1, {"value": None}, NOON)


def test_a_revert_goes_between_the_two_states_of_the_receipt() -> None:
    complete = replace(OPEN, done=DONE)
    ends = ({"value": None}, {"value": "5ms"})
    assert ends_of_revert(complete, given_before=None, given_after=None) == ends
    assert ends_of_revert(complete, given_before=ends[0], given_after=ends[1]) == ends


def test_a_task_cannot_bring_its_own_state_to_revert_to() -> None:
    complete = replace(OPEN, done=DONE)
    with pytest.raises(BlockedError):
        ends_of_revert(complete, given_before={"value": "0"}, given_after=None)
    with pytest.raises(BlockedError):
        ends_of_revert(complete, given_before=None, given_after={"value": "0"})


def test_what_was_never_applied_is_not_reverted() -> None:
    with pytest.raises(MissingError):
        ends_of_revert(None, given_before=None, given_after=None)


def test_an_apply_without_an_end_rests_for_a_person() -> None:
    with pytest.raises(UnknownOutcomeError):
        ends_of_revert(OPEN, given_before=None, given_after=None)
