"""Plans come in: asked for, granted at once, or refused."""

from collections.abc import Callable
from typing import Any

import pytest

from grace.contracts.governance import (
    ApprovalGranted,
    ApprovalRequested,
    CapabilityBody,
    RecallDecision,
)
from grace.contracts.intent import PlannedMeasure
from grace.contracts.verification import Contract, ContractDrafted, DraftContract
from grace.testkit import eventually

OpenOffice = Callable[..., Any]
DraftPlan = Callable[..., ContractDrafted]
Redraft = Callable[[Contract], DraftContract]


async def test_a_harmless_plan_is_granted_at_once(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(1, 1)
        (granted,) = await office.told(ApprovalGranted)
        assert (approval.status, approval.quorum, approval.votes) == ("granted", 0, ())
        assert granted.decided_by == ()
        assert [grant.action_id for grant in granted.grants] == ["action-0", "action-1"]
        assert await office.house.messages(ApprovalRequested.SUBJECT) == []


@pytest.mark.parametrize(("tiers", "tier", "quorum"), [((2,), 2, 1), ((1, 3, 2), 3, 2)])
async def test_people_are_asked_by_the_highest_tier(
    open_office: OpenOffice, tiers: tuple[int, ...], tier: int, quorum: int
) -> None:
    async with open_office() as office:
        approval = await office.hand_in(*tiers)
        (requested,) = await office.told(ApprovalRequested)
        assert (approval.status, approval.tier, approval.quorum) == ("pending", tier, quorum)
        assert (requested.tier, requested.quorum) == (tier, quorum)
        assert requested.shown_hash == approval.shown_hash
        assert requested.expires_at == approval.expires_at
        assert len(approval.contracts) == len(tiers)


async def test_approvers_are_shown_the_exact_bytes(
    open_office: OpenOffice, draft_plan: DraftPlan
) -> None:
    plan = draft_plan(2, 2)
    async with open_office() as office:
        await office.verification.report(plan)
        approval = await office.approval_of(plan.mission_id)
        assert [text.encode() for text in approval.contracts] == [
            contract.contract for contract in plan.contracts
        ]


async def test_a_plan_that_comes_twice_is_asked_for_once(
    open_office: OpenOffice, draft_plan: DraftPlan
) -> None:
    plan = draft_plan(2)
    async with open_office() as office:
        for _ in range(3):
            await office.verification.report(plan)
        marker = await office.hand_in(1)
        assert marker.status == "granted"
        rows = await office.house.rows("governance", "SELECT * FROM approval_requests")
        assert len(rows) == 2
        assert len(await office.told(ApprovalRequested)) == 1


async def test_an_altered_contract_is_quarantined_and_others_go_on(
    open_office: OpenOffice, draft_plan: DraftPlan
) -> None:
    plan = draft_plan(2)
    forged = plan.contracts[0].model_copy(update={"contract": plan.contracts[0].contract + b" "})
    altered = plan.model_copy(update={"contracts": (forged,)})
    async with open_office() as office:
        await office.verification.report(altered)
        honest = await office.hand_in(2)
        assert honest.status == "pending"
        rows = await eventually(
            lambda: office.house.rows("governance", "SELECT reason FROM quarantine")
        )
        assert [row["reason"] for row in rows] == ["contract_hash_differs"]


async def test_the_requester_cannot_be_swapped_outside_the_contract(
    open_office: OpenOffice, draft_plan: DraftPlan
) -> None:
    plan = draft_plan(2, requested_by="mallory").model_copy(update={"requested_by": "admin"})
    async with open_office() as office:
        await office.verification.report(plan)
        rows = await eventually(
            lambda: office.house.rows("governance", "SELECT reason FROM quarantine")
        )
        assert [row["reason"] for row in rows] == ["contract_of_another_plan"]


async def test_what_is_no_contract_is_quarantined(
    open_office: OpenOffice, draft_plan: DraftPlan
) -> None:
    plan = draft_plan(2)
    broken = plan.contracts[0].model_copy(update={"contract": b"{}"})
    async with open_office() as office:
        await office.verification.report(plan.model_copy(update={"contracts": (broken,)}))
        rows = await eventually(
            lambda: office.house.rows("governance", "SELECT reason FROM quarantine")
        )
        assert [row["reason"] for row in rows] == ["contract_unreadable"]


async def test_capabilities_verify_and_bind(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(1)
        (granted,) = await office.told(ApprovalGranted)
        (grant,) = granted.grants
        contract = Contract.from_bytes(approval.contracts[0].encode())
        keys = office.gateway.keys
        await keys.learn({grant.apply.key_id})
        assert keys.component_of(grant.apply.key_id) == "governance"
        for capability, step in ((grant.apply, "apply"), (grant.revert, "revert")):
            body = CapabilityBody.from_bytes(capability.body)
            assert keys.verify(
                capability.key_id, capability.signature, "grace/capability/v1", capability.body
            )
            assert not keys.verify(
                capability.key_id, capability.signature, "grace/message/v1", capability.body
            )
            assert not keys.verify(
                capability.key_id, capability.signature, "grace/capability/v1", capability.body[:-1]
            )
            assert body.step == step
            assert (body.mission_id, body.contract_id) == (
                approval.mission_id,
                contract.contract_id,
            )
            assert body.contract_hash == grant.contract_hash
            assert (body.params_hash, body.operation, body.target, body.action_id) == (
                contract.action.params_hash,
                contract.action.operation,
                contract.action.target,
                contract.action.action_id,
            )
            (_, definition) = contract.action.definitions
            assert body.target_definition == definition.sha256
            lives = (body.not_after - granted.granted_at).total_seconds()
            assert lives == {"apply": 15 * 60, "revert": 7 * 24 * 3600}[step]
        ids = [CapabilityBody.from_bytes(c.body).capability_id for c in (grant.apply, grant.revert)]
        assert len(set(ids)) == 2


async def test_a_later_action_may_begin_when_what_comes_before_it_was_measured(
    open_office: OpenOffice, draft_plan: DraftPlan, redraft: Redraft
) -> None:
    plan = draft_plan(1, 1, 1)
    measured = [
        {"count": 3, "warmup_ms": 60_000, "interval_ms": 600_000},  # 21 min; 1 for the other two
        {"count": 4_294_967_295, "interval_ms": 4_294_967_295},  # nobody measures as long
        {"count": 1},
    ]
    contracts = []
    for draft, manner in zip(plan.contracts, measured, strict=True):
        contract = Contract.from_bytes(draft.contract)
        measure = PlannedMeasure(
            name="activity", measurement=contract.action.measurement, successes_at_least=1, **manner
        )
        action = contract.action.model_copy(update={"measures": (measure,)})
        contracts.append(redraft(contract.model_copy(update={"action": action})))
    async with open_office() as office:
        await office.verification.report(plan.model_copy(update={"contracts": tuple(contracts)}))
        (granted,) = await office.told(ApprovalGranted)
        ends = [CapabilityBody.from_bytes(each.apply.body).not_after for each in granted.grants]
        lives = [(end - granted.granted_at).total_seconds() / 60 for end in ends]
        assert lives == [15, 15 + 22, 15 + 22 + 120]


async def test_an_action_that_cannot_be_undone_gets_no_revert(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await office.hand_in(1, reversible=False)
        (granted,) = await office.told(ApprovalGranted)
        assert granted.grants[0].revert is None


async def test_a_decision_is_said_again_in_the_same_words(open_office: OpenOffice) -> None:
    async with open_office() as office:
        approval = await office.hand_in(1)
        (granted,) = await office.told(ApprovalGranted)
        asked = RecallDecision(mission_id=approval.mission_id)
        recalled = await office.verification.call(asked)
        assert recalled.granted == granted
        assert (recalled.requested, recalled.rejected, recalled.expired) == (None, None, None)
        unknown = await office.verification.call(RecallDecision(mission_id="mission-none"))
        assert unknown.granted is None
