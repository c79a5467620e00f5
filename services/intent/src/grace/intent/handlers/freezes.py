"""People declare when nothing is to be changed, and end it."""

from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grace.contracts import intent as wire
from grace.intent.domain.freeze import DAYS, Freeze, Mode, Weekly
from grace.intent.store import Declared, Freezes
from grace.kit import Called, Invalid, NotFound, Runtime, Unit

_MOST = 100
_FIRST_YEAR, _LAST_YEAR = 2, 9998


class CannotDeclare(Invalid):
    """There is no such window."""


class NoSuchFreeze(NotFound):
    """No such freeze is in force."""


async def on_declare_freeze(call: Called[wire.DeclareFreeze], unit: Unit) -> wire.Freeze:
    """Keep a new freeze; plans under way are not touched. A repeat finds what the first declared."""
    body, freezes, freeze_id = call.body, Freezes(unit.tx), f"freeze-{call.id}"
    await unit.wait_turn(call.id)
    if (before := await freezes.find(body.tenant_id, freeze_id)) is not None:
        return _shown(before)
    freeze = Freeze(
        freeze_id=freeze_id,
        tenant_id=body.tenant_id,
        reason=body.reason.strip() or _refuse("reason: say why, for those who have to wait"),
        mode=_mode(body.mode),
        target=body.target,
        kind=body.kind,
        environment=body.environment,
        starts_at=_in_our_days("starts_at", body.starts_at),
        ends_at=_in_our_days("ends_at", body.ends_at),
        weekly=_weekly(body),
    )
    if freeze.weekly is None and freeze.ends_at is None:
        _refuse("ends_at: a freeze without days needs an end")
    now = await unit.now()
    if freeze.ends_at is not None and freeze.ends_at <= max(freeze.starts_at or now, now):
        _refuse("ends_at: it has to be later than its beginning, and than now")
    told = _shown(await freezes.declare(freeze, body.principal))
    unit.publish(wire.FreezeDeclared(freeze=told), tenant=body.tenant_id)
    return told


async def on_end_freeze(planner: type, call: Called[wire.EndFreeze], unit: Unit) -> wire.Freeze:
    """End a freeze before its time; what waits for it is planned at once."""
    body = call.body
    ended = await Freezes(unit.tx).end(body.tenant_id, body.freeze_id, body.principal)
    if ended is None:
        raise NoSuchFreeze
    told = _shown(ended)
    unit.publish(wire.FreezeEnded(freeze=told, reason=body.reason), tenant=body.tenant_id)
    unit.after_commit(lambda: unit.runtime.wake(planner))
    return told


async def on_list_freezes(call: Called[wire.ListFreezes], runtime: Runtime) -> wire.Freezes:
    """Answer with a page of freezes, newest first."""
    body = call.body
    async with runtime.reading() as tx:
        page = await Freezes(tx).page(
            body.tenant_id, before=body.before, most=min(body.limit, _MOST)
        )
    return wire.Freezes(freezes=tuple(map(_shown, page)))


def _refuse(reason: str) -> str:
    raise CannotDeclare(reason)


def _in_our_days(name: str, at: datetime | None) -> datetime | None:
    """The first and the last moment of all are no times to the database: it keeps an infinity."""
    if at is not None and not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        _refuse(f"{name}: a time between the years {_FIRST_YEAR} and {_LAST_YEAR} is needed")
    return at


def _mode(text: str) -> Mode:
    if text not in set(Mode):
        _refuse(f"mode: one of {', '.join(Mode)} is needed")
    return Mode(text)


def _weekly(body: wire.DeclareFreeze) -> Weekly | None:
    given = (body.timezone, body.days, body.from_time, body.until_time)
    if not any(given):
        return None
    if not all(given):
        _refuse("timezone, days, from_time and until_time: all of them or none are needed")
    for day in body.days:
        if day not in DAYS:
            _refuse(f"days: some of {', '.join(DAYS)} are needed")
    begins, ends = _time("from_time", body.from_time), _time("until_time", body.until_time)
    return Weekly(_zone(body.timezone or ""), frozenset(body.days), begins, ends)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _refuse("timezone: a name such as Europe/Berlin is needed")
    return name


def _time(field: str, text: str | None) -> time:
    try:
        found = time.fromisoformat(text or "")
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise CannotDeclare(f"{field}: a time of day such as 22:00 is needed")
    return found


def _shown(declared: Declared) -> wire.Freeze:
    freeze = declared.freeze
    weekly = freeze.weekly
    return wire.Freeze(
        freeze_id=freeze.freeze_id,
        tenant_id=freeze.tenant_id,
        reason=freeze.reason,
        mode=freeze.mode.value,
        target=freeze.target,
        kind=freeze.kind,
        environment=freeze.environment,
        starts_at=freeze.starts_at,
        ends_at=freeze.ends_at,
        timezone=weekly.timezone if weekly else None,
        days=tuple(day for day in DAYS if weekly and day in weekly.days),
        from_time=weekly.begins.isoformat("minutes") if weekly else None,
        until_time=weekly.ends.isoformat("minutes") if weekly else None,
        declared_by=declared.declared_by,
        declared_at=declared.declared_at,
        ended_by=declared.ended_by,
        ended_at=declared.ended_at,
    )
