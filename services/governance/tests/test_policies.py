"""Policies in the store decide on the next plan; what is wrong changes nothing."""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import asyncpg
import pytest

from grace.contracts.governance import (
    ApprovalGranted,
    ApprovalRejected,
    GetRuling,
    ListPolicies,
    ListPolicyVersions,
    ListRulings,
    PolicyCandidate,
    PolicyCase,
    PolicyChanged,
    SetPolicy,
    SimulatedPolicies,
    SimulatePolicies,
    TryPolicies,
)
from grace.kit import Conflict, Forbidden, Invalid, NotFound, Stale

OpenOffice = Callable[..., Any]
FREEZE = (
    '@id("freeze") @why("the books are closed")\n'
    'forbid (principal, action == Action::"run", resource);'
)
# Whatever was earned: what cannot be undone in production is of tier 3.
FOR_GOOD = json.dumps({
    "operation_tier": 2, "environment": "production", "reversible": False, "autonomy": "auto",
    "standing_approval": True, "change_budget": 20,
})  # fmt: skip
# The long form, `make bench-policy`, judges ten thousand.
RECORDED = int(os.environ.get("GRACE_RULINGS", "1200"))


def wanted(name: str = "freeze", text: str | None = FREEZE, **how: Any) -> SetPolicy:
    given_ = {"tenant_id": "default", "kind": "constitution", "principal": "ada", "reason": "audit"}
    return SetPolicy(name=name, text=text, **(given_ | how))


async def test_a_document_decides_on_the_next_plan_until_it_is_taken_back(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        made = await office.gateway.call(wanted(if_version=0))
        assert (made.version, made.in_force, made.rules[0].why) == (1, True, "the books are closed")
        refused = await office.hand_in(1)
        assert (refused.status, refused.votes) == ("rejected", ())
        (told,) = await office.told(ApprovalRejected)
        assert told.decided_by == ()
        assert "freeze: the books are closed" in told.reason
        whatever = await office.hand_in(1, target="all")
        assert (whatever.status, whatever.votes) == ("rejected", ())
        told = (await office.told(ApprovalRejected, count=2))[1]
        assert told.reason.startswith("the target 'all' is no name of one thing")
        with pytest.raises(Conflict):
            await office.decide(refused)
        dropped = await office.gateway.call(wanted(text=None, principal="bob", if_version=1))
        assert (dropped.version, dropped.in_force) == (2, False)
        assert (await office.hand_in(1)).status == "granted"
        found = await office.gateway.call(ListPolicyVersions(tenant_id="default", name="freeze"))
        assert [(d.version, d.in_force, d.made_by) for d in found.documents] == [
            (2, False, "bob"),
            (1, False, "ada"),
        ]
        changes = await office.told(PolicyChanged, count=2)
        assert [(each.actor, each.in_force, each.version) for each in changes] == [
            ("ada", True, 1),
            ("bob", False, 2),
        ]


async def test_what_is_wrong_changes_nothing_and_says_what_is_wrong(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        await office.gateway.call(wanted())
        before = await office.gateway.call(ListPolicies(tenant_id="default"))
        for change, error, words in (
            (wanted(text="forbid (principal"), Invalid, "parse error"),
            (wanted(text=FREEZE.replace("the books", "x" * 4096)), Invalid, "@why of policy 1"),
            (
                wanted(text='@id("p") permit (principal, action, resource);'),
                Invalid,
                "only forbids",
            ),
            (wanted("other"), Invalid, "freeze is given twice"),
            (wanted("other", kind="law"), Invalid, "policy or a constitution"),
            (wanted("constitution"), Forbidden, "came with Grace stays"),
            (wanted(tenant_id="shop"), Forbidden, "tenant that runs Grace"),
            (wanted(if_version=7), Stale, "has changed"),
            (wanted(if_version=0), Conflict, "already"),
            (wanted("none", text=None), NotFound, "no document"),
        ):
            with pytest.raises(error, match=words):
                await office.gateway.call(change)
        assert await office.gateway.call(ListPolicies(tenant_id="default")) == before
        assert len(await office.told(PolicyChanged)) == 1
        assert (await office.hand_in(1)).status == "rejected"


async def test_what_was_taken_back_leaves_its_place_to_others(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await office.house.rows("governance", _TAKEN_BACK)
        with pytest.raises(Conflict, match="200 documents of policies already; take one back"):
            await office.gateway.call(wanted())
        await office.gateway.call(wanted("kept-1", text=None))
        with pytest.raises(Conflict, match="200 documents"):
            await office.gateway.call(wanted("back-1"))
        await office.gateway.call(wanted("kept-2", text=None))
        assert (await office.gateway.call(wanted())).in_force


async def test_of_many_long_versions_the_newest_that_fit_are_told(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await office.house.rows("governance", _LONG)
        found = await office.gateway.call(ListPolicyVersions(tenant_id="default", name="long"))
        told = [document.version for document in found.documents]
        assert told == list(range(60, 60 - len(told), -1))
        assert 10 < len(told) < 60
        assert found.documents[0].in_force


async def test_policies_that_cannot_be_read_any_more_refuse_every_plan(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        await office.house.rows(
            "governance",
            "INSERT INTO policies (name, version, kind, text, made_by, made_at, reason)"
            " VALUES ('old', 1, 'policy', 'permit when before', 'eve', now(), 'x')",
        )
        refused = await office.hand_in(1)
        assert refused.status == "rejected"
        (told,) = await office.told(ApprovalRejected)
        assert "the policies in force cannot be read: old: " in told.reason
        assert await office.house.messages(ApprovalGranted.SUBJECT) == []


async def test_every_plan_has_its_ruling_with_all_that_was_known(open_office: OpenOffice) -> None:
    async with open_office() as office:
        granted, asked = await office.hand_in(1), await office.hand_in(1, 2)
        found = await office.gateway.call(
            GetRuling(tenant_id="default", approval_id=asked.approval_id)
        )
        assert (found.outcome, found.tier, found.quorum) == ("asked", 2, 1)
        assert found.rules == ("constitution.changes-need-a-standing-approval",)
        known = [json.loads(each) for each in found.facts]
        assert [(k["operation_tier"], k["targets"], k["actions"]) for k in known] == [
            (1, 1, 2),
            (2, 1, 2),
        ]
        page = await office.gateway.call(ListRulings(tenant_id="default", limit=10))
        assert [each.approval_id for each in page.rulings] == [
            asked.approval_id,
            granted.approval_id,
        ]
        assert page.rulings[1].rules == ("people-may-approve", "harmless-runs-alone")
        (told,) = await office.told(ApprovalGranted)
        assert "harmless-runs-alone" in (told.because or "")
        with pytest.raises(NotFound):
            await office.gateway.call(GetRuling(tenant_id="shop", approval_id=asked.approval_id))
        role = await office.house.role("governance")
        await role.execute("SET search_path TO governance")
        for statement in ("UPDATE rulings SET outcome = 'granted'", "DELETE FROM policies"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
        await role.close()


async def test_policies_are_tried_without_coming_into_force(open_office: OpenOffice) -> None:
    async with open_office() as office:
        cases = (
            PolicyCase(name="harmless", facts='{"operation_tier": 1}'),
            PolicyCase(name="wrong", facts='{"teir": 1}'),
            PolicyCase(name="no tier", facts='{"tier": 0}'),
            PolicyCase(name="for good", facts=FOR_GOOD),
        )
        now = await office.gateway.call(TryPolicies(tenant_id="default", cases=cases))
        assert [case.outcome for case in now.cases] == [
            "granted", "invalid", "invalid", "asked",
        ]  # fmt: skip
        assert (now.cases[3].tier, now.cases[3].quorum) == (3, 2)
        candidate = PolicyCandidate(name="freeze", kind="constitution", text=FREEZE)
        tried = await office.gateway.call(
            TryPolicies(tenant_id="default", cases=cases, candidate=candidate)
        )
        assert (tried.cases[0].outcome, tried.cases[0].rules) == ("refused", ("freeze",))
        broken = candidate.model_copy(update={"text": "forbid (principal"})
        tried = await office.gateway.call(
            TryPolicies(tenant_id="default", cases=cases, candidate=broken)
        )
        assert ("parse error" in tried.problems[0], tried.cases) == (True, ())
        assert (await office.hand_in(1)).status == "granted"


async def test_what_was_is_judged_again_by_other_policies(open_office: OpenOffice) -> None:
    async with open_office() as office:
        first = await office.hand_in(1)
        await remember(office, first.approval_id, RECORDED - 1)
        started = monotonic()
        parts = await simulated(office, FREEZE.replace("resource)", 'resource == Target::"t-1")'))
        seconds = monotonic() - started
        moves = [move for part in parts for move in part.moves]
        assert sum(part.judged for part in parts) == RECORDED
        assert len(moves) == len(range(1, RECORDED, 100))
        assert {(m.was, m.would_be) for m in moves} == {("granted", "refused")}
        assert "freeze: the books are closed" in moves[0].because
        again = await simulated(office, None)
        assert [move for part in again for move in part.moves] == []
        wordy = await simulated(office, FREEZE.replace("the books", "\u00e9" * 3000))
        assert sum(len(part.moves) for part in wordy) == RECORDED
        assert wordy[0].moves[0].because[1].startswith("freeze: \u00e9")
        sys.stdout.write(f"{RECORDED} plans judged again in {seconds:.2f} s\n")
        assert seconds < 10


async def remember(office: Any, approval_id: str, copies: int) -> None:
    """As if as many plans like one had been ruled on, each hundredth on target t-1."""
    await office.house.rows("governance", _REQUESTS.format(copies=copies, one=approval_id))
    await office.house.rows("governance", _RULINGS.format(copies=copies, one=approval_id))


_LONG = """
INSERT INTO policies (name, version, kind, text, made_by, made_at, reason)
SELECT 'long', n, 'policy', '// ' || repeat('x', 30000), 'ada', now(), ''
  FROM generate_series(1, 60) AS n
"""
_TAKEN_BACK = """
INSERT INTO policies (name, version, kind, text, made_by, made_at, reason)
SELECT 'kept-' || n, 1, 'policy', '', 'ada', now(), '' FROM generate_series(1, 201) AS n
 UNION ALL
SELECT 'back-' || n, 1, 'policy', NULL, 'ada', now(), '' FROM generate_series(1, 9) AS n
"""
_REQUESTS = """
INSERT INTO approval_requests (approval_id, event_id, mission_id, plan_hash, shown_hash, playbook,
       requested_by, correlation_id, tier, quorum, status, requested_at, expires_at, decided_at,
       granted)
SELECT 'approval-copy-' || n, event_id, 'm-' || n, plan_hash, 'h-' || n, playbook, requested_by,
       correlation_id, tier, quorum, status, requested_at, expires_at, decided_at, granted
  FROM approval_requests, generate_series(1, {copies}) AS n
 WHERE approval_id = '{one}'
"""
_RULINGS = """
INSERT INTO rulings (approval_id, tenant_id, mission_id, ruled_at, outcome, tier, quorum, because,
       rules, rulebook_hash, facts)
SELECT 'approval-copy-' || n, tenant_id, 'm-' || n, ruled_at + n * interval '1 us', outcome, tier,
       quorum, because, rules, rulebook_hash,
       jsonb_set(facts, '{{0,target}}', to_jsonb('t-' || n % 100))
  FROM rulings, generate_series(1, {copies}) AS n
 WHERE approval_id = '{one}'
"""


async def simulated(office: Any, text: str | None) -> list[SimulatedPolicies]:
    """Every part of a simulation over an hour."""
    candidate = text and PolicyCandidate(name="freeze", kind="constitution", text=text)
    until = datetime.now(UTC) + timedelta(hours=1)
    after, last = until - timedelta(hours=2), ""
    parts: list[SimulatedPolicies] = []
    while True:
        question = SimulatePolicies(
            tenant_id="default",
            candidate=candidate or None,
            after_at=after,
            after_id=last,
            until=until,
        )
        parts.append(await office.gateway.call(question))
        if parts[-1].last_at is None:
            return parts
        after, last = parts[-1].last_at, parts[-1].last_id or ""
