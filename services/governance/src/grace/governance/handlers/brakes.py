"""Automation of a tenant stops itself where its effects do not hold; only a person lets it go."""

from collections.abc import Mapping, Sequence

from grace.contracts.governance import Brake as BrakeView
from grace.contracts.governance import BrakeMove, BrakeTurned, GetBrake, TurnBrake
from grace.governance.domain.brake import Brake, Failure, after, recent, turned
from grace.governance.settings import Settings
from grace.governance.store import Brakes, tell
from grace.kit import Called, Unit

_SHOWN_TURNS = 20


async def on_turn_brake(settings: Settings, call: Called[TurnBrake], unit: Unit) -> BrakeView:
    """Pull the brake or let it go, and answer how it stands; as it stands already, nothing changes."""
    body, store = call.body, Brakes(unit.tx)
    brake = (await store.lock([body.tenant_id]))[body.tenant_id]
    changed = turned(
        brake, is_on=body.is_on, by=body.principal, reason=body.reason, now=await unit.now()
    )
    await _keep(brake, changed, unit)
    return await _shown(settings, changed, unit)


async def on_get_brake(settings: Settings, call: Called[GetBrake], unit: Unit) -> BrakeView:
    """Answer how the brake stands, what counts against it, and who turned it before."""
    return await _shown(settings, await Brakes(unit.tx).find(call.body.tenant_id), unit)


async def count_failures(
    settings: Settings, failed: Mapping[str, Sequence[Failure]], unit: Unit
) -> None:
    """Count contracts that did not hold, by tenant, and pull the brakes that they pull."""
    if not failed:
        return
    now = await unit.now()
    for tenant_id, brake in (await Brakes(unit.tx).lock(failed)).items():
        counted = after(brake, failed[tenant_id], settings.tolerance, now=now)
        await _keep(brake, counted, unit)


async def _keep(before: Brake, now: Brake, unit: Unit) -> None:
    if now == before:
        return
    await Brakes(unit.tx).set(before, now)
    if now.version > before.version:
        await tell(unit, _turned_message(now), tenant=now.tenant_id)
        unit.runtime.log.warning(
            "brake.turned", tenant=now.tenant_id, is_on=now.is_on, by=now.changed_by, why=now.reason
        )


def _turned_message(brake: Brake) -> BrakeTurned:
    return BrakeTurned(
        tenant_id=brake.tenant_id,
        version=brake.version,
        is_on=brake.is_on,
        actor=brake.changed_by,
        reason=brake.reason,
    )


async def _shown(settings: Settings, brake: Brake, unit: Unit) -> BrakeView:
    counting = recent(brake, settings.tolerance, await unit.now())
    turns = await Brakes(unit.tx).turns(brake.tenant_id, limit=_SHOWN_TURNS)
    return BrakeView(
        tenant_id=brake.tenant_id,
        is_on=brake.is_on,
        version=brake.version,
        failures=len(counting),
        pulled_after=settings.brake_after,
        window_s=round(settings.brake_window.total_seconds()),
        changed_by=brake.changed_by,
        changed_at=brake.changed_at,
        reason=brake.reason,
        turns=tuple(
            BrakeMove(
                version=turn.version,
                is_on=turn.is_on,
                turned_by=turn.turned_by,
                turned_at=turn.turned_at,
                reason=turn.reason,
            )
            for turn in turns
        ),
    )
