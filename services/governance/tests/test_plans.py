"""A drafted plan is taken only where every byte agrees with what is said about it."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.governance.domain.approvals import open_request
from grace.governance.domain.lifecycle import State
from grace.governance.domain.permissions import Lifetimes, Step, permissions
from grace.governance.domain.plans import (
    Draft,
    Flaw,
    Plan,
    Written,
    flaw,
    shown_hash,
    target_of_all,
)
from grace.governance.domain.ruling import Outcome, Ruling
from grace.governance.domain.tiers import Tier

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIFETIMES = Lifetimes(apply=timedelta(minutes=15), revert=timedelta(hours=24))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def draft(number: int = 1, *, tier: int = 2, reversible: bool = True) -> Draft:
    params = '{"min_idle_seconds":1}'
    written = Written(
        contract_id=f"contract-{number}",
        action_id=f"action-{number}",
        mission_id="mission-1",
        tenant_id="default",
        plan_hash="plan",
        playbook="postgres-blocked-sessions",
        requested_by="admin",
        operation="postgres.terminate_blockers",
        target="shop-db",
        params=params,
        params_hash=sha256(params),
        tier=tier,
        reversible=reversible,
    )
    body = f"contract {number}".encode()
    return Draft(
        contract_id=f"contract-{number}",
        action_id=f"action-{number}",
        contract_hash=hashlib.sha256(body).hexdigest(),
        contract=body,
        written=written,
    )


def plan(*drafts: Draft) -> Plan:
    return Plan(
        mission_id="mission-1",
        tenant_id="default",
        plan_hash="plan",
        playbook="postgres-blocked-sessions",
        requested_by="admin",
        drafts=drafts,
    )


def rewritten(**changes: object) -> Draft:
    return replace(draft(), written=replace(draft().written, **changes))


def test_a_plan_whose_parts_agree_has_no_flaw() -> None:
    assert flaw(plan(draft(1), draft(2))) is None


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (plan(), Flaw.EMPTY),
        (plan(draft(1), draft(1)), Flaw.TWICE),
        (plan(draft(1), replace(draft(2), contract_id="contract-1")), Flaw.TWICE),
        (plan(replace(draft(), contract=b"altered")), Flaw.HASH),
        (plan(replace(draft(), contract_hash="0" * 64)), Flaw.HASH),
        (plan(rewritten(mission_id="mission-2")), Flaw.FOREIGN),
        (plan(rewritten(tenant_id="other")), Flaw.FOREIGN),
        (plan(rewritten(plan_hash="other")), Flaw.FOREIGN),
        (plan(rewritten(playbook="other")), Flaw.FOREIGN),
        (plan(rewritten(requested_by="mallory")), Flaw.FOREIGN),
        (plan(rewritten(contract_id="contract-9")), Flaw.FOREIGN),
        (plan(rewritten(action_id="action-9")), Flaw.FOREIGN),
        (plan(rewritten(params='{"min_idle_seconds":0}')), Flaw.PARAMS),
        (plan(rewritten(tier=0)), Flaw.TIER),
        (plan(rewritten(tier=4)), Flaw.TIER),
    ],
)
def test_a_plan_is_refused_with_its_flaw(broken: Plan, reason: Flaw) -> None:
    assert flaw(broken) == reason


@pytest.mark.parametrize("target", ["", "*", "shop-*", "ALL", "none", "a b"])
def test_a_target_that_is_not_one_thing_is_no_flaw_and_not_granted(target: str) -> None:
    whole = plan(draft(1), rewritten(target=target))
    assert flaw(plan(rewritten(target=target))) is None
    assert f"the target {target!r} is no name of one thing" in (target_of_all(whole) or "")
    assert target_of_all(plan(draft(1))) is None


@given(st.binary(min_size=1), st.integers(0, 7))
def test_any_altered_bit_of_a_contract_is_seen(body: bytes, bit: int) -> None:
    whole = replace(draft(), contract=body, contract_hash=hashlib.sha256(body).hexdigest())
    altered = bytes([body[0] ^ (1 << bit)]) + body[1:]
    assert flaw(plan(whole)) is None
    assert flaw(plan(replace(whole, contract=altered))) == Flaw.HASH


@given(st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=2, unique=True))
def test_what_is_shown_depends_on_the_order_of_contracts(hashes: list[str]) -> None:
    assert shown_hash(hashes) == sha256("\n".join(hashes))
    assert shown_hash(hashes) != shown_hash(hashes[::-1])


@pytest.mark.parametrize(
    ("outcome", "status", "quorum"),
    [
        (Outcome.GRANTED, State.GRANTED, 0),
        (Outcome.ASKED, State.PENDING, 2),
        (Outcome.REFUSED, State.REJECTED, 2),
    ],
)
def test_a_request_stands_as_the_policies_ruled(
    outcome: Outcome, status: State, quorum: int
) -> None:
    ruling = Ruling(outcome, Tier.DANGEROUS, quorum, ("because", "so"), (), "")
    opened = open_request(
        plan(draft()),
        "approval-1",
        ruling=ruling,
        correlation_id="c",
        now=NOW,
        ttl=timedelta(hours=1),
    )
    assert (opened.status, opened.quorum, opened.tier) == (status, quorum, Tier.DANGEROUS)
    assert opened.expires_at == NOW + timedelta(hours=1)
    assert (opened.decided_at is None) == (status is State.PENDING)
    assert opened.reason == ("because; so" if outcome is Outcome.REFUSED else None)


def test_an_action_may_be_undone_longer_than_it_may_be_applied() -> None:
    apply, revert = permissions(draft(), [draft()], granted_at=NOW, lifetimes=LIFETIMES)
    assert (apply.step, apply.not_after) == (Step.APPLY, NOW + timedelta(minutes=15))
    assert (revert.step, revert.not_after) == (Step.REVERT, NOW + timedelta(hours=24))


def test_an_actions_time_begins_when_those_before_it_have_had_theirs() -> None:
    hour = timedelta(hours=1)
    steps = [replace(draft(n).written, sequence=n, settles_in=hour) for n in (1, 2, 3)]
    drafts = [replace(draft(each.sequence), written=each) for each in steps]
    for lives, lifetimes in (
        ([0.25, 1.25, 2.25], LIFETIMES),
        ([0.25, 1.25, 2], replace(LIFETIMES, revert=2 * hour)),
    ):
        first = [
            next(permissions(each, drafts, granted_at=NOW, lifetimes=lifetimes)) for each in drafts
        ]
        assert [(each.not_after - NOW) / hour for each in first] == lives


def test_what_cannot_be_undone_gets_no_permission_to_revert() -> None:
    steps = [
        p.step
        for p in permissions(draft(reversible=False), [], granted_at=NOW, lifetimes=LIFETIMES)
    ]
    assert steps == [Step.APPLY]
