"""Tasks that come in related: what they name is looked up and locked, judged, and noted."""

from collections.abc import Sequence
from typing import TypeAlias

from grace.htm.domain.relations import (
    Known,
    crossed,
    entangled,
    ids_of,
    keys_of,
    links_of,
    objection_to,
)
from grace.htm.domain.routing import NewTask, Refused
from grace.htm.store import Tasks, UniqueKeys, tell_followed
from grace.htm.store.relations import Relatives
from grace.kit import Conflict, Unit

Route: TypeAlias = tuple[NewTask, ...] | Refused


class Entangled(Conflict):
    """Requests of one batch go by the same client keys, or one ends what another names."""


async def judge_relations(routes: Sequence[Route], unit: Unit) -> Sequence[Route]:
    """Refuse whole requests whose tasks name what they may not. What they name stays as it is.

    Comes before the first row is stored: locks first, client keys then, or two requests could deadlock.
    """
    tasks = _tasks(routes)
    if not any(task.relations for task in tasks):
        return routes
    accepted = [route for route in routes if not isinstance(route, Refused)]
    if entangled(accepted):
        # No fault of the moment: the kit tries halves, and the later one finds what is stored.
        raise Entangled
    known = await _known(tasks, unit)
    if crossed(accepted, known):
        raise Entangled
    return [_judged(route, known) for route in routes]


async def note_relations(created: Sequence[NewTask], unit: Unit) -> None:
    """Note what new tasks wait for, in the transaction that stores them."""
    related = [task for task in created if task.relations]
    if not related:
        return
    stored = await Tasks(unit.tx).find_keys(keys_of(related))
    links = links_of(related, {key: found.task_id for key, found in stored.items()})
    store = Relatives(unit.tx)
    await store.add_children(links.parents)
    await store.add_dependencies(links.before)
    tell_followed(unit)  # what is named may have ended


async def _known(tasks: Sequence[NewTask], unit: Unit) -> Known:
    """What is stored of what they name, locked together with the holders of unique keys they want."""
    stored = await Tasks(unit.tx).find_keys(keys_of(tasks))
    keys = {key: (found.task_id, found.body_hash) for key, found in stored.items()}
    wanted = {(task.tenant_id, task.unique.key) for task in tasks if task.unique}
    holders = await UniqueKeys(unit.tx).lock_keys(wanted) if wanted else {}
    ids = ids_of(tasks, Known(keys)) | {*holders.values()}
    return Known(keys, await Relatives(unit.tx).lock_relatives(ids), holders)


def _tasks(routes: Sequence[Route]) -> list[NewTask]:
    return [task for route in routes if not isinstance(route, Refused) for task in route]


def _judged(route: Route, known: Known) -> Route:
    if isinstance(route, Refused) or not any(task.relations for task in route):
        return route
    reason = objection_to(route, known)
    return route if reason is None else Refused(reason)
