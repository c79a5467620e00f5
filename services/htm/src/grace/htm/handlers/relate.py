"""Tasks that come in related: what they name is looked up and locked, judged, and noted."""

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from grace.htm.domain.relations import (
    Known,
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
    """Requests of one batch go by the same client keys."""


async def judge_relations(routes: Sequence[Route], unit: Unit) -> Sequence[Route]:
    """Refuse whole requests whose tasks name what they may not. What they name stays as it is.

    Comes before the first row is stored: locks first, client keys then, or two requests could deadlock.
    """
    tasks = _tasks(routes)
    related = [task for task in tasks if task.relations]
    if not related:
        return routes
    if entangled([route for route in routes if not isinstance(route, Refused)]):
        # No fault of the moment: the kit tries halves, and the later one finds what is stored.
        raise Entangled
    stored = await Tasks(unit.tx).find_keys(keys_of(related))
    keys = {key: (found.task_id, found.body_hash) for key, found in stored.items()}
    ids = ids_of(related, Known(keys)) | await _holders(tasks, unit)
    known = Known(keys, await Relatives(unit.tx).lock_relatives(ids))
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


async def _holders(tasks: Sequence[NewTask], unit: Unit) -> set[UUID]:
    """Who holds the unique keys that are wanted beside: they are locked together with the relatives."""
    wanted = {(task.tenant_id, task.unique.key) for task in tasks if task.unique}
    return {*(await UniqueKeys(unit.tx).lock_keys(wanted)).values()} if wanted else set()


def _tasks(routes: Sequence[Route]) -> list[NewTask]:
    return [task for route in routes if not isinstance(route, Refused) for task in route]


def _judged(route: Route, known: Known) -> Route:
    if isinstance(route, Refused) or not any(task.relations for task in route):
        return route
    reason = objection_to(route, known)
    return route if reason is None else Refused(reason)
