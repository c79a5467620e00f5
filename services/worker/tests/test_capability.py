"""What a capability covers: exactly what was signed, until it expires."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.worker.domain.capability import (
    Act,
    Allowed,
    Permission,
    Refused,
    Step,
    check,
)
from grace.worker.domain.state import digest

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ids = st.text("abcXYZ019._:-", min_size=1, max_size=20)
acts = st.builds(
    Act,
    tenant_id=ids,
    contract_id=ids,
    action_id=ids,
    step=st.sampled_from([Step.APPLY, Step.REVERT]),
    operation=ids,
    target=ids,
    params=st.text(max_size=50),
)


def permission_for(act: Act, **changes: object) -> Permission:
    permission = Permission(
        signer="governance",
        tenant_id=act.tenant_id,
        contract_id=act.contract_id,
        action_id=act.action_id,
        step=act.step.value,
        operation=act.operation,
        target=act.target,
        params_hash=digest(act.params),
        not_after=NOON,
    )
    return replace(permission, **changes)  # type: ignore[arg-type]


@given(acts, st.integers(0, 10**6))
def test_the_act_that_was_signed_is_allowed_until_it_expires(act: Act, early: int) -> None:
    verdict = check(permission_for(act), act, now=NOON - timedelta(seconds=early), started=False)
    assert verdict == Allowed()


@given(acts)
def test_no_revert_begins_once_its_contract_is_closed(act: Act) -> None:
    permission = permission_for(act)
    begins = check(permission, act, now=NOON, started=False, closed=True)
    assert isinstance(begins, Refused) is (act.step is Step.REVERT)
    assert check(permission, act, now=NOON, started=True, closed=True) == Allowed()


@given(acts, st.integers(1, 10**6))
def test_an_expired_capability_begins_nothing_but_ends_what_was_begun(act: Act, late: int) -> None:
    now, permission = NOON + timedelta(milliseconds=late), permission_for(act)
    assert isinstance(check(permission, act, now=now, started=False), Refused)
    assert check(permission, act, now=now, started=True) == Allowed()


BOUND = [f.name for f in fields(Permission) if f.name not in {"signer", "not_after", "definition"}]


@pytest.mark.parametrize("field", BOUND)
@given(act=acts, other=ids, started=st.booleans())
def test_a_capability_for_anything_else_is_refused(
    field: str, act: Act, other: str, started: bool
) -> None:
    permission = permission_for(act, **{field: other})
    same = getattr(act, field) == other
    assert isinstance(check(permission, act, now=NOON, started=started), Refused) != same


@given(acts, st.one_of(st.none(), ids), st.booleans())
def test_only_governance_can_permit(act: Act, signer: str | None, started: bool) -> None:
    permission = permission_for(act, signer=signer)
    assert isinstance(check(permission, act, now=NOON, started=started), Refused)


@given(acts, st.booleans())
def test_without_a_capability_nothing_is_permitted(act: Act, started: bool) -> None:
    assert isinstance(check(None, act, now=NOON, started=started), Refused)


@given(acts, st.text(max_size=50))
def test_one_other_character_in_the_parameters_is_another_act(act: Act, params: str) -> None:
    changed = replace(act, params=params)
    verdict = check(permission_for(act), changed, now=NOON, started=False)
    assert isinstance(verdict, Allowed) == (params == act.params)
