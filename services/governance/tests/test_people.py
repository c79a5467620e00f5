"""People on real servers: seats, delegations, reminders, broken glass, and those who join."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from grace.contracts.governance import (
    Approval,
    ApprovalDelegated,
    ApprovalEscalated,
    ApprovalGranted,
    ApprovalReminded,
    Approver,
    ApproverSeated,
    BreakGlass,
    CompleteReview,
    Delegate,
    GetReview,
    GlassBroken,
    ListApprovals,
    ListApprovers,
    ListReviews,
    RemoveApprover,
    ReviewCompleted,
    ReviewDue,
    SeatApprover,
)
from grace.contracts.intent import IntentAccepted, ReporterJoined
from grace.governance import loops
from grace.governance.domain.reminders import Rhythm
from grace.governance.handlers import ballots
from grace.kit import Conflict, Forbidden, Invalid, NotFound
from grace.testkit import eventually

OpenOffice = Callable[..., Any]
SOON = timedelta(minutes=30)


async def seat(office: Any, principal: str, group: str, actor: str = "admin") -> Approver:
    question = SeatApprover(tenant_id="default", principal=principal, group=group, actor=actor)
    found: Approver = await office.gateway.call(question)
    return found


async def delegate(office: Any, approval: Approval, by: str, to: str, **how: Any) -> Approval:
    question = {
        "tenant_id": "default",
        "approval_id": approval.approval_id,
        "principal": by,
        "delegated_to": to,
        "ends_at": datetime.now(UTC) + SOON,
        "reason": "on a plane",
    }
    found: Approval = await office.gateway.call(Delegate(**question | how))
    return found


async def break_glass(office: Any, approval: Approval, who: str, **how: Any) -> Approval:
    question = {
        "tenant_id": "default",
        "approval_id": approval.approval_id,
        "principal": who,
        "shown_hash": approval.shown_hash,
        "reason": "checkout is down",
    }
    found: Approval = await office.gateway.call(BreakGlass(**question | how))
    return found


def complete(review_id: str, who: str, **how: Any) -> CompleteReview:
    question = {
        "tenant_id": "default",
        "review_id": review_id,
        "principal": who,
        "finding": "justified",
        "note": "looked at the timeline",
    }
    return CompleteReview(**question | how)


async def test_seats_decide_by_group_and_fall_with_their_person(open_office: OpenOffice) -> None:
    async with open_office() as office:
        for name, group in (("ada", "dba"), ("bob", "dba"), ("cyd", "leads")):
            await seat(office, name, group)
        assert (await seat(office, "ada", "dba")).seated_by == "admin"
        assert len(await office.told(ApproverSeated, count=3)) == 3
        approval = await office.hand_in(3)
        with pytest.raises(Forbidden, match="no approver"):
            await office.decide(approval, "eve")
        await office.decide(approval, "ada")
        assert (await office.decide(approval, "bob")).status == "pending"
        for name in ("ada", "bob"):
            await office.gateway.call(
                RemoveApprover(tenant_id="default", principal=name, actor="admin")
            )
        assert (await office.decide(approval, "cyd")).status == "pending"
        with pytest.raises(Forbidden):
            await office.decide(approval, "ada", "reject")
        await seat(office, "dan", "ops")
        granted = await office.decide(approval, "dan")
        (told,) = await office.told(ApprovalGranted)
        assert (granted.status, told.decided_by) == ("granted", ("cyd", "dan"))
        page = await office.gateway.call(ListApprovers(tenant_id="default", limit=2, after="ada"))
        assert [(each.principal, each.removed_by) for each in page.approvers] == [
            ("bob", "admin"), ("cyd", None),
        ]  # fmt: skip


async def test_nobody_seats_or_removes_themselves(open_office: OpenOffice) -> None:
    async with open_office() as office:
        with pytest.raises(Forbidden, match="somebody else"):
            await seat(office, "Admin", "dba")
        with pytest.raises(Invalid, match="group"):
            await seat(office, "ada", "D:B")
        await seat(office, "ada", "dba")
        with pytest.raises(Forbidden):
            await office.gateway.call(
                RemoveApprover(tenant_id="default", principal="ada", actor="ada")
            )
        with pytest.raises(NotFound):
            await office.gateway.call(
                RemoveApprover(tenant_id="default", principal="none", actor="admin")
            )


async def test_a_delegate_decides_in_anothers_place(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await seat(office, "ada", "dba")
        approval = await office.hand_in(2)
        shown = await delegate(office, approval, "ada", "eve")
        assert [(d.delegated_by, d.delegated_to) for d in shown.delegations] == [("ada", "eve")]
        assert len(await office.told(ApprovalDelegated)) == 1
        with pytest.raises(Conflict, match="already"):
            await delegate(office, approval, "ada", "dan")
        decided = await office.decide(approval, "eve")
        assert [(v.principal, v.seat) for v in decided.votes] == [("eve", "ada")]
        assert decided.status == "granted"


async def test_who_approves_again_is_told_whether_that_counts(open_office: OpenOffice) -> None:
    async with open_office() as office:
        for name, group in (("ada", "dba"), ("cyd", "leads")):
            await seat(office, name, group)
        approval = await office.hand_in(3)
        await delegate(office, approval, "ada", "ben")
        assert (await office.decide(approval, "ben")).note is None
        again = await office.decide(approval, "ben")
        assert (len(again.votes), again.note) == (1, ballots.COUNTS)
        await seat(office, "ben", "ops")
        await office.gateway.call(RemoveApprover(tenant_id="default", principal="ada", actor="ben"))
        again = await office.decide(approval, "ben")
        assert (again.status, again.note) == ("pending", ballots.FELL)
        assert (await office.read(approval)).note is None
        await office.decide(approval, "cyd")
        assert (await office.decide(approval, "ben")).status == "granted", "as the note says"


async def test_nothing_is_delegated_to_a_requester_or_beyond_the_end(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        with pytest.raises(Forbidden):
            await delegate(office, approval, "ada", "admin")
        with pytest.raises(Forbidden):
            await delegate(office, approval, "admin", "ada")
        for wrong in (
            {"delegated_to": "ADA"},
            {"ends_at": datetime.now(UTC) - SOON},
            {"ends_at": approval.expires_at + timedelta(seconds=1)},
            {"reason": " "},
        ):
            with pytest.raises(Invalid):
                await delegate(office, approval, "ada", "eve", **wrong)
        assert (await office.read(approval)).delegations == ()


@pytest.mark.parametrize("by_report", [False, True])
async def test_who_joins_a_mission_asks_for_it_too(
    open_office: OpenOffice, *, by_report: bool
) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        intent = await office.house.act_as("intent")
        mission = {"tenant_id": "default", "mission_id": approval.mission_id}
        await intent.report(
            ReporterJoined(**mission, principal="Ada", joined_at=datetime.now(UTC))
            if by_report
            else IntentAccepted(
                intent_id="me-too",
                tenant_id="default",
                mission_id=approval.mission_id,
                requested_by="ada",
                goal="unblock the shop",
                domain="postgres",
                kind="postgres.blocked_sessions",
                priority="normal",
                sla_ms=1000,
                body_hash="0" * 64,
                accepted_at=datetime.now(UTC),
            )
        )

        async def joined() -> bool:
            return bool((await office.read(approval)).joined_by == ("ada",))

        await eventually(joined)
        for choice in ("approve", "reject"):
            with pytest.raises(Forbidden, match="asked for a plan"):
                await office.decide(approval, "Ada", choice)
        with pytest.raises(Forbidden):
            await break_glass(office, approval, "ada")
        with pytest.raises(Forbidden):
            await delegate(office, approval, "bob", "ada")
        assert (await office.decide(approval, "bob")).status == "granted"


async def test_glass_is_broken_by_one_and_reviewed_by_another(open_office: OpenOffice) -> None:
    async with open_office(review_interval=timedelta(milliseconds=1)) as office:
        approval = await office.hand_in(3)
        with pytest.raises(Forbidden):
            await break_glass(office, approval, "admin")
        with pytest.raises(Invalid, match="why"):
            await break_glass(office, approval, "ada", reason=" ")
        broken = await break_glass(office, approval, "ada")
        (granted,) = await office.told(ApprovalGranted)
        (loud,) = await office.told(GlassBroken)
        assert (broken.status, granted.break_glass, granted.decided_by) == (
            "granted",
            True,
            ("ada",),
        )
        assert (loud.actor, loud.review_id, loud.tier) == ("ada", broken.review_id, 3)
        with pytest.raises(Conflict):
            await break_glass(office, approval, "bob")
        await loops.RemindReviews(timedelta(milliseconds=1)).tick(office.governance)
        assert (await office.told(ReviewDue))[0].review_id == broken.review_id
        for who in ("ada", "ADA", "admin"):
            with pytest.raises(Forbidden):
                await office.gateway.call(complete(broken.review_id, who))
        with pytest.raises(Invalid):
            await office.gateway.call(complete(broken.review_id, "bob", finding="fine"))
        still = await office.gateway.call(ListReviews(tenant_id="default", limit=5, status="open"))
        assert [each.review_id for each in still.reviews] == [broken.review_id]
        done = await office.gateway.call(complete(broken.review_id, "bob"))
        assert (done.status, done.reviewed_by, done.finding) == ("reviewed", "bob", "justified")
        assert len(await office.told(ReviewCompleted)) == 1
        with pytest.raises(Conflict, match="completed"):
            await office.gateway.call(complete(broken.review_id, "cyd"))


async def test_a_review_is_not_ended_by_hand_or_by_another_tenant(open_office: OpenOffice) -> None:
    async with open_office() as office:
        broken = await break_glass(office, await office.hand_in(2), "ada")
        with pytest.raises(NotFound):
            await office.gateway.call(GetReview(tenant_id="shop", review_id=broken.review_id))
        role = await office.house.role("governance")
        await role.execute("SET search_path TO governance")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute("DELETE FROM approval_reviews")
        with pytest.raises(asyncpg.CheckViolationError):
            await role.execute(
                "UPDATE approval_reviews SET status = 'reviewed', reviewed_by = 'ada',"
                " reviewed_at = now(), finding = 'justified'"
            )
        await role.close()


async def test_what_waits_is_told_again_and_goes_up_the_chain(open_office: OpenOffice) -> None:
    async with open_office(remind_interval=timedelta(hours=1)) as office:
        approval = await office.hand_in(2)
        await office.hand_in(1)
        rhythm = Rhythm(timedelta(0), ("leads",))
        for _ in range(3):
            await loops.Remind(rhythm).tick(office.governance)
        reminded = await office.told(ApprovalReminded, count=2)
        (escalated,) = await office.told(ApprovalEscalated)
        assert [each.reminders for each in reminded] == [1, 3]
        assert (escalated.group, escalated.reminders) == ("leads", 2)
        shown = await office.read(approval)
        assert (shown.reminders, shown.escalated_to, shown.version) == (3, "leads", 1)
        await office.decide(approval, "ada")
        await loops.Remind(rhythm).tick(office.governance)
        assert (await office.read(approval)).reminders == 3


async def test_what_is_pending_outlives_a_restart(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await seat(office, "ada", "dba")
        await seat(office, "cyd", "leads")
        approval = await office.hand_in(3)
        await office.decide(approval, "ada")
        house = office.house
    async with house.running("governance"):
        shown = await office.read(approval)
        assert (shown.status, len(shown.votes)) == ("pending", 1)
        assert (await office.decide(approval, "cyd")).status == "granted"


async def test_a_page_is_filtered(open_office: OpenOffice) -> None:
    async with open_office() as office:
        first, second = await office.hand_in(2), await office.hand_in(3, requested_by="eve")
        for wanted, found in (
            ({"tier": 3}, second),
            ({"mission_id": first.mission_id}, first),
            ({"requested_by": "eve"}, second),
        ):
            page = await office.gateway.call(ListApprovals(tenant_id="default", limit=5, **wanted))
            assert [each.approval_id for each in page.approvals] == [found.approval_id]
