"""A target is one thing, whoever acts on it: the workers' file names it for every tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from grace.contracts.intent import PlanningBlocked
from grace.contracts.verification import ListTargetHolds, TargetHold
from grace.kit import GraceError, Kind, new_id
from grace.testkit import eventually
from grace.verification import loops

if TYPE_CHECKING:
    from conftest import Play


@pytest.fixture
def shop(play: Play) -> Play:
    """The same surroundings, for another tenant."""
    return type(play)(play.house, play.make, tenant="shop")


async def listed(play: Play) -> tuple[TargetHold, ...]:
    """The targets that a tenant is shown."""
    question = ListTargetHolds(tenant_id=play.tenant, limit=9)
    return tuple((await (await play.actor("gateway")).call(question)).holds)


async def test_the_plans_of_two_tenants_take_turns_on_a_target(play: Play, shop: Play) -> None:
    async with play.open():
        first = await play.start()
        acting = await play.claim("apply")
        second = await shop.start(baseline=False)
        await eventually(lambda: shop.contract_is(second, "waiting"))
        assert await play.holds() == [acting.spec.contract_id]
        (theirs,), (ours,) = await listed(shop), await listed(play)
        assert (ours.mission_id, ours.waiting) == (first, ())
        assert (theirs.mission_id, theirs.contract_id) == ("another-tenant", "another-tenant")
        assert [each.mission_id for each in theirs.waiting] == [second]
        (waits,) = (await shop.mission_until(second, "acting")).contracts
        assert waits.reason == "waits for shop-db, held by another-tenant"
        await play.report(acting, play.make.applied())
        await play.work("observe", play.make.good)
        await play.mission_until(first, "verified")
        assert (await play.apply()).spec.mission_id == second


async def test_what_another_tenant_changed_takes_no_verdict_back(play: Play, shop: Play) -> None:
    soon = {"watch_after": (timedelta(minutes=5),)}
    async with play.open(**soon) as services:
        first = await play.start()
        await play.apply()
        await play.work("observe", play.make.good)
        await play.mission_until(first, "verified")
        second = await shop.start(baseline=False)
        await shop.apply()
        await shop.work("observe", failure="no statistics", error_class="user")
        await shop.mission_until(second, "inconclusive")
        await play.write("update watches set due_at = now(), next_at = now()")
        services["verification"].wake(loops.Watch)
        (look,) = await eventually(lambda: looks(play))
        assert (look["status"], look["reason"][:9]) == ("skipped", "not taken")


async def test_what_is_measured_while_another_tenants_mission_is_open_is_no_baseline(
    play: Play, shop: Play
) -> None:
    async with play.open():
        begun = await play.begin_baseline()
        mission_id = f"mission-{new_id()}"
        await shop.publish("intent", shop.captured(mission_id))
        await shop.mission_until(mission_id, "open")
        with pytest.raises(GraceError) as refused:
            await play.begin_baseline()
        assert refused.value.kind is Kind.CONFLICT
        blocked = PlanningBlocked(mission_id=mission_id, tenant_id="shop", reason="nothing fits")
        await shop.publish("intent", blocked)
        await shop.mission_until(mission_id, "blocked")
        await play.work("observe", play.make.healthy)
        found = await eventually(lambda: play.baseline_is(begun, "failed"))
        assert "a mission was opened" in (found.reason or "")


async def looks(play: Play) -> list[Any]:
    """The late looks that are done."""
    return await play.house.rows("verification", "select * from watches where ended_at is not null")
