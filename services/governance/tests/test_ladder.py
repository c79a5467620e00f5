"""The ladder at work: outcomes move it, people move it, and only within budgets nobody is asked."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from grace.contracts.governance import (
    Autonomy,
    AutonomyChanged,
    GetAutonomy,
    GiveStandingApproval,
    ListAutonomy,
    ListStandingApprovals,
    RemoveApprover,
    RevokeStandingApproval,
    SeatApprover,
    SetAutonomy,
    StandingApproval,
)
from grace.contracts.verification import ActionClosed, AttentionNeeded
from grace.governance.domain.autonomy import Key
from grace.governance.store import Spent, Trusts
from grace.kit import Conflict, Forbidden, Invalid, NotFound, Stale, new_id
from grace.testkit import eventually

from .conftest import NOW

OpenOffice = Callable[..., Any]
PLAYBOOK = "postgres-runaway-queries"
KEY = {"tenant_id": "default", "playbook": PLAYBOOK, "target_class": "postgres"}


def closed(verdict: str, *, revision: int = 1, contract_id: str = "") -> ActionClosed:
    return ActionClosed(
        mission_id=f"mission-{new_id()}",
        tenant_id="default",
        contract_id=contract_id or f"contract-{new_id()}",
        revision=revision,
        playbook=PLAYBOOK,
        playbook_version=1,
        operation="postgres.set_database_setting",
        target="shop-db",
        verdict=verdict,
        confidence=1.0 if verdict == "verified" else 0.0,
        executed=True,
        closed_at=NOW,
        target_class="postgres",
    )


def needed(*, undoing: bool, contract_id: str = "") -> AttentionNeeded:
    return AttentionNeeded(
        mission_id=f"mission-{new_id()}",
        tenant_id="default",
        contract_id=contract_id or f"contract-{new_id()}",
        playbook=PLAYBOOK,
        playbook_version=1,
        operation="postgres.set_database_setting",
        target="shop-db",
        target_class="postgres",
        undoing=undoing,
        reason="the revert did not succeed: gone",
        needed_at=NOW,
    )


async def standing(office: Any) -> Autonomy:
    found: Autonomy = await office.gateway.call(GetAutonomy(**KEY))
    return found


async def until(office: Any, **wanted: object) -> Autonomy:
    async def stands() -> Autonomy | None:
        found = await standing(office)
        return found if all(getattr(found, n) == v for n, v in wanted.items()) else None

    found: Autonomy = await eventually(stands)
    return found


async def earn(office: Any, outcomes: int) -> Autonomy:
    """Let so many contracts end as verified."""
    await asyncio.gather(*(office.verification.report(closed("verified")) for _ in range(outcomes)))
    return await until(office, level="auto")


async def trust(office: Any, **how: Any) -> StandingApproval:
    given = {"budget": 2, "lifetime_s": 3600, "principal": "ada", "reason": "it held"}
    found: StandingApproval = await office.gateway.call(GiveStandingApproval(**(KEY | given | how)))
    return found


def set_to(level: str, **how: Any) -> SetAutonomy:
    return SetAutonomy(**(KEY | {"level": level, "principal": "ada", "reason": "so"} | how))


async def test_outcomes_lead_up_and_one_rollback_down_each_counted_once(
    open_office: OpenOffice,
) -> None:
    async with open_office(promote_after=3, promote_bound=0.4) as office:
        first = closed("verified")
        for _ in range(3):
            await office.verification.report(first)
        assert (await until(office, verified=1)).level == "approve"
        found = await earn(office, 2)
        assert (found.version, found.changed_by) == (1, "evidence")
        await office.verification.report(closed("rolled_back"))
        fallen = await until(office, level="approve")
        assert fallen.reason.endswith("ended as rolled_back")
        assert "a rollback moves it down at once" in fallen.explanation
        assert [(m.version, m.level) for m in fallen.moves] == [(2, "approve"), (1, "auto")]
        told = await office.told(AutonomyChanged, count=2)
        assert [(each.before, each.level, each.actor) for each in told] == [
            ("approve", "auto", "evidence"),
            ("auto", "approve", "evidence"),
        ]


async def test_an_undo_that_stops_for_a_person_moves_down_at_once_and_its_end_no_further(
    open_office: OpenOffice,
) -> None:
    async with open_office(promote_after=3, promote_bound=0.4) as office:
        await earn(office, 3)
        resting = needed(undoing=True)
        for _ in range(2):
            await office.verification.report(resting)
        fallen = await until(office, level="approve")
        assert fallen.reason == f"contract {resting.contract_id} needs a person: undo_stopped"
        for end in (closed("rollback_failed", contract_id=resting.contract_id), closed("failed")):
            await office.verification.report(end)
        found = await until(office, failed=2)
        assert (found.level, found.version) == ("approve", 2)
        # Its end came first: what it waited for before is over.
        late = needed(undoing=True, contract_id=f"contract-{new_id()}")
        await office.verification.report(closed("failed", contract_id=late.contract_id))
        await until(office, failed=3)
        for told in (late, closed("failed")):
            await office.verification.report(told)
        assert (await until(office, failed=4)).level == "approve"


async def test_at_auto_a_change_is_granted_under_a_standing_approval_until_it_is_spent(
    open_office: OpenOffice,
) -> None:
    async with open_office(promote_after=3, promote_bound=0.4) as office:
        given_ = await trust(office)
        assert (await office.hand_in(2)).status == "pending"
        await earn(office, 3)
        plans = [await office.hand_in(2) for _ in range(3)]
        assert [(p.status, p.quorum) for p in plans] == [
            ("granted", 0),
            ("granted", 0),
            ("pending", 1),
        ]
        assert (await office.hand_in(3)).status == "pending"
        assert (await office.hand_in(1)).status == "granted"
        page = await office.gateway.call(ListStandingApprovals(tenant_id="default", limit=9))
        assert [(s.standing_id, s.used, s.status) for s in page.standing_approvals] == [
            (given_.standing_id, 2, "spent")
        ]
        rows = await office.house.rows("governance", "SELECT * FROM unattended_changes")
        assert sorted(row["approval_id"] for row in rows) == sorted(
            p.approval_id for p in plans[:2]
        )


async def test_plans_that_come_at_once_spend_no_budget_twice(open_office: OpenOffice) -> None:
    async with open_office(promote_after=3, promote_bound=0.4, change_budget=4) as office:
        await trust(office, budget=100)
        await earn(office, 3)
        plans = await asyncio.gather(*(office.hand_in(2) for _ in range(9)))
        assert sorted(p.status for p in plans) == ["granted"] * 4 + ["pending"] * 5


async def test_no_more_is_taken_from_a_budget_than_it_has_whoever_takes(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        given_ = await trust(office, budget=3)
        key = Key("default", PLAYBOOK, "postgres")
        first, second = [(await office.hand_in(2)).approval_id for _ in range(2)]
        async with office.governance.unit() as unit:
            store, now = Trusts(unit.tx), await unit.now()
            (word,) = await store.open([key], now=now)
            wanted = [(first, 2), (second, 2), (second, 1), (second, 1)]
            took = [await store.spend(Spent(plan, word, n, now)) for plan, n in wanted]
        assert took == [True, False, True, False]
        page = await office.gateway.call(ListStandingApprovals(tenant_id="default", limit=9))
        (listed,) = page.standing_approvals
        assert (listed.standing_id, listed.used) == (given_.standing_id, 3)


async def test_a_word_taken_back_or_ones_own_request_carries_nothing(
    open_office: OpenOffice,
) -> None:
    async with open_office(promote_after=3, promote_bound=0.4) as office:
        given_ = await trust(office)
        await earn(office, 3)
        assert (await office.hand_in(2, requested_by="Ada")).status == "pending"
        revoke = RevokeStandingApproval(
            tenant_id="default", standing_id=given_.standing_id, principal="bob"
        )
        for _ in range(2):
            assert (await office.gateway.call(revoke)).revoked_by == "bob"
        assert (await office.hand_in(2)).status == "pending"
        with pytest.raises(NotFound):
            await office.gateway.call(revoke.model_copy(update={"tenant_id": "shop"}))
        await office.gateway.call(
            SeatApprover(tenant_id="default", principal="cyd", group="dba", actor="admin")
        )
        with pytest.raises(Forbidden, match="no seat"):
            await trust(office)
        assert (await trust(office, principal="cyd")).status == "open"
        assert (await office.hand_in(2)).status == "granted"
        await office.gateway.call(
            RemoveApprover(tenant_id="default", principal="cyd", actor="admin")
        )
        assert (await office.hand_in(2)).status == "pending"
        with pytest.raises(Forbidden, match="no seat"):
            await trust(office, principal="cyd")


async def test_a_word_has_an_end(open_office: OpenOffice) -> None:
    async with open_office() as office:
        with pytest.raises(Invalid, match="at most 90 days"):
            await trust(office, lifetime_s=int(timedelta(days=91).total_seconds()))


async def test_people_move_a_playbook_but_to_auto_only_evidence_leads(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        with pytest.raises(Conflict, match="earned"):
            await office.gateway.call(set_to("auto"))
        with pytest.raises(Invalid, match="off, suggest"):
            await office.gateway.call(set_to("free"))
        off = await office.gateway.call(set_to("off", if_version=0))
        assert (off.level, off.version, off.changed_by) == ("off", 1, "ada")
        with pytest.raises(Stale):
            await office.gateway.call(set_to("approve", if_version=0))
        refused = await office.hand_in(1)
        assert refused.status == "rejected"
        lowest = await office.gateway.call(set_to("suggest"))
        assert "approve needs 20 verified and 0.85" in lowest.explanation
        assert "rollback" not in lowest.explanation
        assert (await office.hand_in(1)).status == "pending"
        page = await office.gateway.call(ListAutonomy(tenant_id="default", limit=9))
        assert [(a.playbook, a.level) for a in page.autonomies] == [(PLAYBOOK, "suggest")]
        assert not (await office.gateway.call(ListAutonomy(tenant_id="shop", limit=9))).autonomies
        role = await office.house.role("governance")
        await role.execute("SET search_path TO governance")
        for statement in ("DELETE FROM autonomy_changes", "DELETE FROM standing_approvals"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
        await role.close()
