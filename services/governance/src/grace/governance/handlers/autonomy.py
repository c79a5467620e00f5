"""People read where playbooks stand and why, and move them; to `auto` only evidence leads."""

from collections.abc import Sequence

from grace.contracts.governance import (
    Autonomies,
    Autonomy,
    AutonomyMove,
    GetAutonomy,
    ListAutonomy,
    SetAutonomy,
)
from grace.governance.domain.autonomy import (
    LADDER,
    Bar,
    Key,
    Level,
    Standing,
    first,
    has_earned_more,
    lower_bound,
    moved,
)
from grace.governance.handlers.outcomes import tell_move
from grace.governance.settings import Settings
from grace.governance.store import Levels
from grace.kit import Called, Conflict, Invalid, Stale, Unit

_LARGEST_PAGE = 100
_SHOWN_MOVES = 20


class UnknownLevel(Invalid):
    """A level is off, suggest, approve or auto."""


class NotEarned(Conflict):
    """Autonomy is earned: only verified outcomes lead to auto, and the playbook has too few."""


class LevelMoved(Stale):
    """The playbook was moved since it was read; read it again."""


async def on_list_autonomy(
    settings: Settings, call: Called[ListAutonomy], unit: Unit
) -> Autonomies:
    """Answer with a page of the tenant's playbooks that have a record."""
    body = call.body
    found = await Levels(unit.tx).page(
        body.tenant_id, after=body.after, limit=min(body.limit, _LARGEST_PAGE)
    )
    return Autonomies(autonomies=tuple(_view(each, settings.bar) for each in found))


async def on_get_autonomy(settings: Settings, call: Called[GetAutonomy], unit: Unit) -> Autonomy:
    """Answer where a playbook stands; one without a record stands where everybody begins."""
    body, store = call.body, Levels(unit.tx)
    key = Key(body.tenant_id, body.playbook, body.target_class)
    standing = (await store.find([key])).get(key) or first(key)
    return _view(standing, settings.bar, await store.changes(key, limit=_SHOWN_MOVES))


async def on_set_autonomy(settings: Settings, call: Called[SetAutonomy], unit: Unit) -> Autonomy:
    """Move a playbook and answer where it stands; on the level where it is, nothing changes."""
    body, store = call.body, Levels(unit.tx)
    if body.level not in {*Level}:
        raise UnknownLevel
    key, level = Key(body.tenant_id, body.playbook, body.target_class), Level(body.level)
    standing = (await store.lock([key]))[key]
    if body.if_version not in {None, standing.version}:
        raise LevelMoved
    if level is not standing.level:
        if level is Level.AUTO and not has_earned_more(standing, settings.bar):
            raise NotEarned
        now = await unit.now()
        after = moved(standing, level, by=body.principal, reason=body.reason, now=now)
        await store.set(standing, after)
        tell_move(standing, after, unit)
        standing = after
    return _view(standing, settings.bar, await store.changes(key, limit=_SHOWN_MOVES))


def _view(standing: Standing, bar: Bar, moves: Sequence[Standing] = ()) -> Autonomy:
    return Autonomy(
        tenant_id=standing.key.tenant_id,
        playbook=standing.key.playbook,
        target_class=standing.key.target_class,
        level=standing.level,
        version=standing.version,
        verified=standing.verified,
        failed=standing.failed,
        lower_bound=lower_bound(standing.verified, standing.failed),
        explanation=_explained(standing, bar),
        changed_by=standing.changed_by,
        reason=standing.reason,
        changed_at=standing.changed_at,
        moves=tuple(
            AutonomyMove(
                version=move.version,
                level=move.level,
                changed_by=move.changed_by,
                reason=move.reason,
                changed_at=move.changed_at,
            )
            for move in moves
        ),
    )


def _explained(standing: Standing, bar: Bar) -> str:
    counts = (
        f"{standing.verified} verified and {standing.failed} not since it came to {standing.level}"
    )
    bound = f"with 95 % at least {lower_bound(standing.verified, standing.failed):.3f} hold"
    if standing.level is Level.OFF:
        return f"{counts}; only a person moves it from off"
    if standing.level is Level.AUTO:
        return f"{counts}; {bound}; one effect that does not hold moves it down"
    above = LADDER[LADDER.index(standing.level) + 1]
    down = "" if standing.level is Level.SUGGEST else "; a rollback moves it down at once"
    return f"{counts}; {bound}; {above} needs {bar.verified} verified and {bar.lower_bound:g}{down}"
