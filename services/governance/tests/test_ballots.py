"""The approvals matrix: what people may decide, and what nobody gets through."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from grace.contracts.governance import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRejected,
    ApprovalVoted,
    GetApproval,
    ListApprovals,
    RecallDecision,
)
from grace.governance import loops
from grace.kit import Conflict, Forbidden, GraceError, Invalid, NotFound, Stale
from grace.testkit import eventually

OpenOffice = Callable[..., Any]


async def test_one_person_grants_a_tier_two_plan(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        decided = await office.decide(approval, "ada", reason="looks right")
        (granted,) = await office.told(ApprovalGranted)
        assert (decided.status, decided.version) == ("granted", approval.version + 1)
        assert [(v.principal, v.choice, v.reason) for v in decided.votes] == [
            ("ada", "approve", "looks right")
        ]
        assert granted.decided_by == ("ada",)
        assert granted.grants[0].apply.signature


async def test_a_tier_three_plan_needs_two_people(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(3)
        first = await office.decide(approval, "ada")
        assert (first.status, first.version) == ("pending", 2)
        (voted,) = await office.told(ApprovalVoted)
        assert (voted.principal, voted.choice, voted.reason) == ("ada", "approve", None)
        assert (voted.approvals, voted.quorum, voted.version) == (1, 2, first.version)
        assert voted.shown_hash == approval.shown_hash
        assert await office.house.messages(ApprovalGranted.SUBJECT) == []
        second = await office.decide(approval, "bob")
        assert second.status == "granted"
        (granted,) = await office.told(ApprovalGranted)
        assert granted.decided_by == ("ada", "bob")
        assert len(await office.house.messages(ApprovalVoted.SUBJECT)) == 1


async def test_the_same_person_counts_once(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(3)
        await office.decide(approval, "ada")
        again = await office.decide(approval, "ada")
        shouted = await office.decide(approval, "ADA")
        assert (again.status, again.version, len(again.votes)) == ("pending", 2, 1)
        assert shouted.status == "pending"
        (voted,) = await office.told(ApprovalVoted)
        assert voted.approvals == 1


async def test_the_requester_decides_nothing(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2, requested_by="ada")
        for choice in ("approve", "reject"):
            for name in ("ada", "Ada"):
                with pytest.raises(Forbidden, match="asked for a plan may not decide"):
                    await office.decide(approval, name, choice)
        assert (await office.read(approval)).votes == ()


async def test_another_hash_than_the_one_shown_is_refused(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval, other = await office.hand_in(2), await office.hand_in(2)
        with pytest.raises(Conflict, match="not that of the plan"):
            await office.decide(approval, shown_hash=other.shown_hash)
        assert (await office.read(approval)).status == "pending"


async def test_a_version_that_moved_on_is_stale(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(3)
        await office.decide(approval, "ada", if_version=1)
        with pytest.raises(Stale):
            await office.decide(approval, "bob", if_version=1)
        assert (await office.decide(approval, "bob", if_version=2)).status == "granted"


async def test_a_decided_plan_is_decided(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        await office.decide(approval, "ada")
        for name, choice in (("ada", "approve"), ("bob", "approve"), ("bob", "reject")):
            with pytest.raises(Conflict, match="decided already"):
                await office.decide(approval, name, choice)
        assert len(await office.told(ApprovalGranted)) == 1


async def test_a_rejected_plan_cannot_be_approved(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(3)
        await office.decide(approval, "ada")
        rejected = await office.decide(approval, "bob", "reject", reason="not during the sale")
        assert rejected.status == "rejected"
        with pytest.raises(Conflict):
            await office.decide(approval, "cyd")
        (told,) = await office.told(ApprovalRejected)
        assert (told.decided_by, told.reason) == (("bob",), "not during the sale")
        recalled = await office.verification.call(RecallDecision(mission_id=approval.mission_id))
        assert recalled.rejected == told
        assert await office.house.messages(ApprovalGranted.SUBJECT) == []


async def test_an_expired_plan_cannot_be_approved(open_office: OpenOffice) -> None:
    async with open_office(approval_ttl=timedelta(milliseconds=1)) as office:
        approval = await office.hand_in(2)
        (told,) = await office.told(ApprovalExpired)
        with pytest.raises(Conflict, match="expired"):
            await office.decide(approval)
        assert told.approval_id == approval.approval_id
        recalled = await office.verification.call(RecallDecision(mission_id=approval.mission_id))
        assert recalled.expired == told
        assert await office.house.messages(ApprovalGranted.SUBJECT) == []


async def test_time_decides_even_before_the_loop_comes(open_office: OpenOffice) -> None:
    async with open_office(
        approval_ttl=timedelta(milliseconds=1), expire_interval=timedelta(hours=1)
    ) as office:
        await eventually(lambda: office.governance.keys.loaded)
        approval = await office.hand_in(2)
        with pytest.raises(Conflict, match="expired"):
            await office.decide(approval)


async def test_two_loops_expire_a_plan_once(open_office: OpenOffice) -> None:
    async with open_office(
        approval_ttl=timedelta(milliseconds=1), expire_interval=timedelta(hours=1)
    ) as office:
        await asyncio.gather(*(office.hand_in(2) for _ in range(5)))
        await asyncio.gather(*(loops.Expire().tick(office.governance) for _ in range(4)))
        assert len(await office.told(ApprovalExpired, count=5)) == 5


async def test_thirty_two_parallel_decisions_grant_once(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        answers = await asyncio.gather(
            *(office.decide(approval, f"person-{n}") for n in range(32)), return_exceptions=True
        )
        granted = [answer for answer in answers if not isinstance(answer, BaseException)]
        refused = [answer for answer in answers if isinstance(answer, GraceError)]
        assert len(granted) == 1
        assert [type(error) for error in refused] == [Conflict] * 31
        assert len(await office.told(ApprovalGranted)) == 1
        assert len((await office.read(approval)).votes) == 1


async def test_a_race_of_two_people_and_their_copies_counts_each_once(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        approval = await office.hand_in(3)
        await asyncio.gather(
            *(office.decide(approval, "ada") for _ in range(16)), return_exceptions=True
        )
        assert (await office.read(approval)).status == "pending"
        await office.decide(approval, "bob")
        (granted,) = await office.told(ApprovalGranted)
        assert granted.decided_by == ("ada", "bob")


async def test_another_tenant_sees_and_decides_nothing(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2, tenant_id="shop")
        with pytest.raises(NotFound):
            await office.decide(approval, tenant_id="default")
        with pytest.raises(NotFound):
            await office.gateway.call(
                GetApproval(tenant_id="default", approval_id=approval.approval_id)
            )
        page = await office.gateway.call(ListApprovals(tenant_id="default", limit=10))
        assert page.approvals == ()


async def test_what_is_unknown_or_no_choice_is_said_so(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        with pytest.raises(NotFound):
            await office.decide(approval, approval_id="approval-none")
        with pytest.raises(Invalid):
            await office.decide(approval, choice="perhaps")
        with pytest.raises(Invalid):
            await office.gateway.call(ListApprovals(tenant_id="default", limit=1, status="maybe"))


async def test_only_the_gateway_may_bring_decisions(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        office.gateway = office.verification
        with pytest.raises(GraceError):
            await office.decide(approval, within=0.5)
        rows = await office.house.rows("governance", "SELECT status FROM approval_requests")
        assert [row["status"] for row in rows] == ["pending"]


async def test_pages_go_on_where_the_last_one_ended(open_office: OpenOffice) -> None:
    async with open_office() as office:
        handed_in = [(await office.hand_in(2)).approval_id for _ in range(3)]
        first = await office.gateway.call(ListApprovals(tenant_id="default", limit=2))
        ids = [approval.approval_id for approval in first.approvals]
        rest = await office.gateway.call(
            ListApprovals(tenant_id="default", limit=2, before=ids[-1], status="pending")
        )
        assert ids + [approval.approval_id for approval in rest.approvals] == handed_in[::-1]
