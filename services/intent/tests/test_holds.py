"""Missions wait where answering again is no answer, and go on when somebody says so."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from grace.contracts.intent import (
    ActionPlanned,
    ErrorDetected,
    HoldPlaced,
    HoldReleased,
    IntentSubmit,
    ListHolds,
    ReleaseHold,
    SubmitIntent,
)
from grace.kit import Conflict, Forbidden, NotFound, Runtime
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]


async def _newest(house: House, status: str, hold: str | None) -> asyncpg.Record:
    async def there() -> asyncpg.Record | None:
        rows = await house.rows("intent", "SELECT * FROM missions ORDER BY captured_at DESC")
        found = rows and (rows[0]["status"], rows[0]["hold"]) == (status, hold)
        return rows[0] if found else None

    row: asyncpg.Record = await eventually(there)
    return row


async def _end(house: House, outcome: str) -> None:
    role = await house.role("intent")
    await role.execute(
        "UPDATE intent.missions SET status = 'closed', outcome = $1, closed_at = now() "
        "WHERE status <> 'closed'",
        outcome,
    )
    await role.close()


async def test_an_action_that_failed_three_times_stops_and_asks_somebody_else(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    error = {"kind": "postgres.runaway_query", "target": "shop"}
    async with house.running("intent", "worker", worker=with_target):
        for _ in range(3):
            await report(make_error(**error))
            await _newest(house, "planned", None)
            await _end(house, "rolled_back")
        await report(make_error(**error))
        row = await _newest(house, "captured", "loop")
        gateway = await house.act_as("gateway")
        (hold,) = (await gateway.call(ListHolds(tenant_id="default", limit=10))).holds
        assert (hold.mission_id, hold.cause, hold.held_until) == (row["mission_id"], "loop", None)
        assert (hold.playbook, hold.reason) == ("postgres-runaway-queries", row["reason"])
        assert "acted 3 times in a row without improvement" in hold.reason
        with pytest.raises(Forbidden, match="may not release it"):
            await _release(gateway, hold.mission_id, "admin")
        with pytest.raises(NotFound):
            await _release(gateway, hold.mission_id, "ada", tenant="other")
        released = await _release(gateway, hold.mission_id, "ada")
        assert released.released_by == "ada"
        with pytest.raises(Conflict, match="not held"):
            await _release(gateway, hold.mission_id, "ada")
        row = await _newest(house, "planned", None)
        assert row["released_by"] == "ada"
        assert not (await gateway.call(ListHolds(tenant_id="default", limit=10))).holds
        (placed,) = await eventually(lambda: house.messages(HoldPlaced.SUBJECT))
        assert HoldPlaced.from_bytes(placed.data).reason == hold.reason
        (freed,) = await eventually(lambda: house.messages(HoldReleased.SUBJECT))
        assert HoldReleased.from_bytes(freed.data).released_by == "ada"
        assert len(await house.messages(ActionPlanned.SUBJECT)) == 4


async def test_nobody_who_asks_for_a_mission_releases_it_however_they_asked_or_are_spelt(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    error = {"kind": "postgres.runaway_query", "target": "shop"}
    async with house.running("intent", "worker", worker=with_target):
        gateway = await house.act_as("gateway")
        for _ in range(3):
            await report(make_error(**error))
            await _newest(house, "planned", None)
            await _end(house, "rolled_back")
        await report(make_error(**error))
        mission = (await _newest(house, "captured", "loop"))["mission_id"]
        await gateway.report(make_error(**error, requested_by="maria"))
        intent = IntentSubmit(
            intent_id="intent-1", goal="Calm", domain="postgres", sla_ms=60_000, **error
        )
        submitted = SubmitIntent(tenant_id="default", requested_by="olaf", intent=intent)
        assert (await gateway.call(submitted)).mission_id == mission
        await eventually(lambda: _reports(house, mission, "maria"))
        for who in ("admin", "Admin", "maria", "MARIA", "olaf", "Olaf"):
            with pytest.raises(Forbidden, match="may not release it"):
                await _release(gateway, mission, who)
        assert (await _release(gateway, mission, "ada")).released_by == "ada"


async def _reports(house: House, mission: str, who: str) -> bool:
    sql = "SELECT FROM mission_reporters WHERE mission_id = $1 AND principal = $2"
    return bool(await house.rows("intent", sql, mission, who))


async def test_a_target_cools_down_and_is_planned_for_by_itself_afterwards(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    error = {"kind": "postgres.runaway_query", "target": "shop"}
    cool = {
        "target_cooldown": timedelta(seconds=2),  # the second report has to come within it
        "plan_interval": timedelta(milliseconds=50),
    }
    async with house.running("intent", "worker", worker=with_target, intent=cool):
        await report(make_error(**error))
        await _newest(house, "planned", None)
        await _end(house, "verified")
        await report(make_error(**error))
        held = await _newest(house, "captured", "cooldown")
        assert held["plan_after"] == held["held_until"]
        row = await _newest(house, "planned", None)
        assert row["planned_at"] >= held["held_until"]
        assert row["reason"] is None


async def _release(gateway: Runtime, mission_id: str, who: str, *, tenant: str = "default") -> Any:
    return await gateway.call(ReleaseHold(tenant_id=tenant, mission_id=mission_id, principal=who))
