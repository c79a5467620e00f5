"""People stop all effects, and let them go on. Twice is the same answer, and told once."""

from functools import partial

from grace.contracts.governance import (
    GetKillSwitch,
    KillSwitch,
    KillSwitchOrder,
    KillSwitchTurned,
    TurnKillSwitch,
)
from grace.governance.domain.kill_switch import OPERATORS_TENANT, Switch, Wanted, turned
from grace.governance.handlers.operators import refuse_strangers
from grace.governance.store import Switches
from grace.kit import Called, Conflict, Unavailable, Unit

_SHOWN_ORDERS = 20


class SwitchUnknown(Unavailable):
    """Nobody knows how the kill switch stands; while that is so, no worker begins an effect."""


class TurnedMeanwhile(Conflict):
    """Somebody else turned the kill switch at the same moment; read it again."""


async def on_turn_kill_switch(beacon: type, call: Called[TurnKillSwitch], unit: Unit) -> KillSwitch:
    """Turn the switch and let the beacon tell it at once; answer how it stands."""
    body, store = call.body, Switches(unit.tx)
    refuse_strangers(body.tenant_id)
    switch = _known(await store.lock())
    wanted = Wanted(is_on=body.is_on, hard=body.hard, by=body.principal, reason=body.reason)
    changed = turned(switch, wanted, now=await unit.now())
    if changed is not None:
        if not await store.turn(changed):
            raise TurnedMeanwhile
        unit.publish(_turned_message(changed), tenant=OPERATORS_TENANT)
        unit.after_commit(partial(unit.runtime.wake, beacon))
    return await _shown(store, changed or switch)


async def on_get_kill_switch(call: Called[GetKillSwitch], unit: Unit) -> KillSwitch:
    """Answer how the switch stands, and who turned it before."""
    refuse_strangers(call.body.tenant_id)
    store = Switches(unit.tx)
    return await _shown(store, _known(await store.read()))


def _known(switch: Switch | None) -> Switch:
    if switch is None:
        raise SwitchUnknown
    return switch


def _turned_message(switch: Switch) -> KillSwitchTurned:
    return KillSwitchTurned(
        tenant_id=OPERATORS_TENANT,
        version=switch.version,
        is_on=switch.is_on,
        hard=switch.hard,
        actor=switch.changed_by,
        reason=switch.reason,
        turned_at=switch.changed_at,
    )


async def _shown(store: Switches, switch: Switch) -> KillSwitch:
    orders = await store.orders(_SHOWN_ORDERS)
    return KillSwitch(
        version=switch.version,
        is_on=switch.is_on,
        hard=switch.hard,
        changed_by=switch.changed_by,
        changed_at=switch.changed_at,
        reason=switch.reason,
        orders=tuple(
            KillSwitchOrder(
                version=order.version,
                is_on=order.is_on,
                hard=order.hard,
                ordered_by=order.ordered_by,
                ordered_at=order.ordered_at,
                reason=order.reason,
            )
            for order in orders
        ),
    )
