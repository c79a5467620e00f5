"""The router: every task is measured and checked before it may wait."""

import hashlib
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.routing import (
    NewTask,
    Outcome,
    Refused,
    StoredKey,
    Submission,
    outcome_of,
    payload_size,
    route_task,
    task_id_of,
)

WANTED = Submission(
    key="contract-1:apply",
    tenant_id="default",
    type="postgres.terminate_blockers.apply",
    kernel="postgres",
    origin="verification",
    step="apply",
    priority=0,
    max_attempts=3,
    sla=timedelta(seconds=30),
    contract_id="contract-1",
    mission_id="mission-1",
    payload=('{"min_idle_seconds":1}',),
    spec='{"key":"contract-1:apply"}',
    signed=True,
)


def _routed(wanted: Submission) -> NewTask:
    task = route_task(wanted, task_id=uuid4())
    assert isinstance(task, NewTask)
    return task


def test_a_task_is_stored_with_the_size_of_its_payload_in_bytes() -> None:
    assert _routed(WANTED).data_size_bytes == len(b'{"min_idle_seconds":1}')
    assert payload_size("\N{EURO SIGN}", "ab") == 5


def test_a_task_is_known_by_the_hash_of_its_whole_order() -> None:
    assert _routed(WANTED).body_hash == hashlib.sha256(WANTED.spec.encode()).digest()


def test_an_undo_never_expires() -> None:
    assert _routed(WANTED).expires
    assert not _routed(WANTED._replace(step="revert")).expires


@pytest.mark.parametrize(
    "wrong",
    [
        WANTED._replace(kernel="a.b"),
        WANTED._replace(kernel="*"),
        WANTED._replace(kernel=""),
        WANTED._replace(step="destroy"),
        WANTED._replace(priority=101),
        WANTED._replace(priority=-101),
        WANTED._replace(max_attempts=101),
        WANTED._replace(spec="x" * (768 * 1024 + 1)),
    ],
)
def test_what_cannot_be_queued_is_refused_with_the_key_and_a_reason(wrong: Submission) -> None:
    refused = route_task(wrong, task_id=uuid4())
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("contract-1:apply: ")


def test_a_stranger_cannot_take_the_key_of_a_service() -> None:
    assert _routed(WANTED._replace(signed=False)).key != _routed(WANTED).key


@given(task_id=st.uuids(), other=st.uuids(), same_body=st.booleans())
def test_a_key_stands_for_one_task_with_one_body(
    task_id: UUID, other: UUID, *, same_body: bool
) -> None:
    task = _routed(WANTED)._replace(task_id=task_id)
    stored = StoredKey(other, task.body_hash if same_body else b"another")
    if task_id == other:
        assert outcome_of(task, stored) is Outcome.CREATED
    else:
        assert outcome_of(task, stored) is (Outcome.EXISTING if same_body else Outcome.CONFLICT)


@given(text=st.text())
def test_a_text_is_a_task_id_or_none_and_never_an_error(text: str) -> None:
    assert task_id_of(text) is None or isinstance(task_id_of(text), UUID)
