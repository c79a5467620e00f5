"""Tasks that want a unique key: judged before anything is stored, and noted after it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from grace.htm.domain.routing import NewTask
from grace.htm.domain.unique import Verdicts, first_of_each_key, judge, refuse_alike
from grace.htm.store import Tasks, UniqueKeys, tell_moved
from grace.kit import Unavailable, Unit


class KeyWasTaken(Unavailable):
    """Somebody took one of these keys at the same moment; the same request will do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The tasks that may be stored, and what becomes of those that want a unique key."""

    tasks: Sequence[NewTask]
    verdicts: Verdicts | None = None


async def judge_unique(tasks: Sequence[NewTask], unit: Unit) -> Entry:
    """Lock the keys that are wanted and decide who gets them; costs nothing where none is."""
    if not any(task.unique for task in tasks):
        return Entry(tasks)
    client_keys = [(task.tenant_id, task.key) for task in tasks]
    first = first_of_each_key(tasks, client_keys)
    wanting = [task for task in first if task.unique]
    wanted = {(task.tenant_id, task.unique.key) for task in wanting if task.unique}
    holders = await UniqueKeys(unit.tx).lock(wanted)
    # Only now: who held the lock may have taken the client key.
    known = await Tasks(unit.tx).find_keys({(task.tenant_id, task.key) for task in wanting})
    verdicts = judge([t for t in wanting if (t.tenant_id, t.key) not in known], holders)
    refuse_alike(verdicts, tasks, client_keys)
    enter = [task for task in first if task.unique is None or task.task_id in verdicts.entering]
    return Entry(enter, verdicts)


async def note_unique(
    tasks: Sequence[NewTask], verdicts: Verdicts, created: Collection[UUID], unit: Unit
) -> None:
    """Once the tasks are stored: end those that were replaced, and note who holds what."""
    store = UniqueKeys(unit.tx)
    joined = [(t, verdicts.joined[t.task_id]) for t in tasks if t.task_id in verdicts.joined]
    moved = await store.replace(verdicts.replaced)
    noted = await store.note_joined(joined)
    await store.hold(verdicts.holding)
    # A client key that somebody else stored meanwhile: what was decided here is no longer true.
    is_true = verdicts.entering <= set(created) and len(moved) == len(verdicts.replaced)
    if not is_true or noted < len(joined):
        raise KeyWasTaken
    tell_moved(unit, moved)
