"""People look at what waits, and let it go on."""

from grace.contracts import intent as wire
from grace.intent.domain.hold import may_release
from grace.intent.store import Held, Holds, Missions, Reporters
from grace.kit import Called, Conflict, Forbidden, NotFound, Runtime, Unit

_MOST = 100


class NoSuchMission(NotFound):
    """No such mission was ever captured here."""


class NotHeld(Conflict):
    """This mission is not held: it was released, planned or ended before."""


class OwnRequest(Forbidden):
    """Who asked for it may not release it: somebody else has to."""


async def on_list_holds(call: Called[wire.ListHolds], runtime: Runtime) -> wire.Holds:
    """Answer with a page of missions whose plan waits."""
    body = call.body
    async with runtime.reading() as tx:
        found = await Holds(tx).page(
            body.tenant_id, before=body.before, most=min(body.limit, _MOST)
        )
    return wire.Holds(holds=tuple(map(_shown, found)))


async def on_release_hold(
    planner: type, call: Called[wire.ReleaseHold], unit: Unit
) -> wire.ReleasedHold:
    """Let a mission go on, and tell who did."""
    body = call.body
    mission = await Missions(unit.tx).find(body.mission_id)
    if mission is None or mission.tenant_id != body.tenant_id:
        raise NoSuchMission
    requesters = await Reporters(unit.tx).requesters([body.mission_id])
    if not may_release(body.principal, requesters[body.mission_id]):
        raise OwnRequest
    released = await Holds(unit.tx).release(body.tenant_id, body.mission_id, body.principal)
    if released is None or released.released_at is None:
        raise NotHeld
    told = wire.HoldReleased(
        mission_id=body.mission_id,
        tenant_id=body.tenant_id,
        released_by=body.principal,
        reason=body.reason,
    )
    unit.publish(told, tenant=body.tenant_id, correlation_id=body.mission_id)
    unit.after_commit(lambda: unit.runtime.wake(planner))
    return wire.ReleasedHold(
        mission_id=body.mission_id, released_by=body.principal, released_at=released.released_at
    )


def _shown(held: Held) -> wire.Hold:
    mission = held.mission
    return wire.Hold(
        mission_id=mission.mission_id,
        tenant_id=mission.tenant_id,
        kind=mission.kind,
        target=mission.target,
        cause=held.cause,
        reason=mission.reason or "",
        requested_by=mission.requested_by,
        held_at=held.held_at,
        held_until=held.until,
        playbook=held.playbook,
    )
