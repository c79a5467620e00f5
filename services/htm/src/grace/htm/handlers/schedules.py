"""People set, change and drop schedules; a loop fires them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from uuid import UUID

from grace.contracts.htm import (
    ChangeSchedule,
    DropSchedule,
    GetSchedule,
    ListSchedules,
    Schedule,
    ScheduleChanged,
    Schedules,
    SetSchedule,
    TaskSpec,
)
from grace.htm import store
from grace.htm.domain.routing import Refused
from grace.htm.domain.schedules import Fired, Plan, Slot, first_at, objection
from grace.htm.handlers.submit import refuse_unknown, route_specs, spec_text, take_in
from grace.htm.settings import Settings
from grace.htm.store.schedules.rows import plan_of
from grace.kit import Called, Conflict, Invalid, NotFound, Runtime, Unit

_LARGEST_PAGE = 100


class UnknownSchedule(NotFound):
    """No such schedule."""


class CannotFire(Invalid):
    """Such a schedule could not fire."""


class NameTaken(Conflict):
    """There is another schedule of this name: change it, or take another name."""


async def on_set_schedule(settings: Settings, call: Called[SetSchedule], unit: Unit) -> Schedule:
    """Set a schedule; again is the same answer."""
    body = call.body
    given = body.model_dump(include={"cron", "time_zone", "catch_up", "catch_up_most", "enabled"})
    plan = Plan(**given)
    order = await _checked(settings, plan, body.task, body.tenant_id, unit)
    schedules = store.Schedules(unit.tx)
    is_new = await schedules.insert(
        body.tenant_id, body.name, plan,
        order=order, next_at=first_at(plan, await unit.now()), principal=body.requested_by,
    )  # fmt: skip
    shown = await _locked(body.tenant_id, body.name, unit)
    if is_new:
        _tell(body.tenant_id, shown, "set", body.requested_by, unit)
    elif (plan_of(shown), spec_text(shown.task)) != (plan, order):
        raise NameTaken
    return shown


async def on_change_schedule(
    settings: Settings, call: Called[ChangeSchedule], unit: Unit
) -> Schedule:
    """Change what is given; it goes on with the slot that comes next."""
    body = call.body
    before = await _locked(body.tenant_id, body.name, unit)
    given = body.model_dump(exclude_none=True, include={*asdict(plan_of(before))})
    plan = replace(plan_of(before), **given)
    order = await _checked(settings, plan, body.task or before.task, body.tenant_id, unit)
    await store.Schedules(unit.tx).change(
        body.tenant_id, body.name, plan,
        order=order, next_at=first_at(plan, await unit.now()), principal=body.requested_by,
    )  # fmt: skip
    shown = await _locked(body.tenant_id, body.name, unit)
    _tell(body.tenant_id, shown, "changed", body.requested_by, unit)
    return shown


async def on_drop_schedule(call: Called[DropSchedule], unit: Unit) -> Schedule:
    """Take a schedule away, and answer what it was."""
    body = call.body
    before = await _locked(body.tenant_id, body.name, unit)
    await store.Schedules(unit.tx).drop(body.tenant_id, body.name)
    _tell(body.tenant_id, before, "dropped", body.requested_by, unit)
    return before


async def on_get_schedule(call: Called[GetSchedule], runtime: Runtime) -> Schedule:
    """Answer with one schedule."""
    async with runtime.reading() as tx:
        found = await store.Schedules(tx).find(call.body.tenant_id, call.body.name)
    if found is None:
        raise UnknownSchedule
    return found


async def on_list_schedules(call: Called[ListSchedules], runtime: Runtime) -> Schedules:
    """Answer with a page of a tenant's schedules."""
    body = call.body
    async with runtime.reading() as tx:
        page = await store.Schedules(tx).page(
            body.tenant_id, after=body.after or "", most=min(body.limit, _LARGEST_PAGE)
        )
    return Schedules(schedules=tuple(page))


async def take_in_slots(settings: Settings, slots: Sequence[Slot], unit: Unit) -> list[Fired]:
    """Submit the tasks of slots; a slot that was submitted before is the task that it was."""
    wanted = [route_specs([_spec(slot.order)], signed=True) for slot in slots]
    routed = list(zip(slots, await refuse_unknown(settings, wanted, unit), strict=True))
    fit = [(s, r[0]._replace(key=s.key)) for s, r in routed if not isinstance(r, Refused)]
    taken = await take_in(settings, [task for _, task in fit], unit)
    ends: dict[str, tuple[str, UUID | None]] = {
        f"{slot.tenant_id} {each.key}": (each.outcome, each.task_id)
        for (slot, _), each in zip(fit, taken, strict=True)
    }
    ends |= {
        f"{s.tenant_id} {s.key}": (r.reason, None) for s, r in routed if isinstance(r, Refused)
    }
    return [Fired(slot, *ends[f"{slot.tenant_id} {slot.key}"]) for slot in slots]


def _spec(order: str) -> TaskSpec:
    return TaskSpec.from_bytes(order.encode())


async def _checked(
    settings: Settings, plan: Plan, task: TaskSpec, tenant_id: str, unit: Unit
) -> str:
    """The order of a schedule that can fire."""
    own = task.model_copy(update={"tenant_id": tenant_id, "run_at": None, "deadline_at": None})
    reason = objection(plan, own.step)
    if reason is not None:
        raise CannotFire(reason)
    (route,) = await refuse_unknown(settings, [route_specs([own], signed=True)], unit)
    if isinstance(route, Refused):
        raise CannotFire(route.reason)
    if route[0].relations:
        raise CannotFire("a schedule's tasks stand alone: they depend on none and have no parent")
    return spec_text(own)


async def _locked(tenant_id: str, name: str, unit: Unit) -> Schedule:
    found = await store.Schedules(unit.tx).lock(tenant_id, name)
    if found is None:
        raise UnknownSchedule
    return found


def _tell(tenant_id: str, schedule: Schedule, change: str, by: str, unit: Unit) -> None:
    told = ScheduleChanged(
        tenant_id=tenant_id,
        name=schedule.name,
        change=change,
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        enabled=schedule.enabled,
        requested_by=by,
    )
    unit.publish(told, tenant=tenant_id)
