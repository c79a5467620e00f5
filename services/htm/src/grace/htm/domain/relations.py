"""What a task may wait for: others that must succeed before it, and children that end before it.

A child depends on its siblings alone, so no task can wait for what waits for it in turn.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Protocol, TypeAlias
from uuid import UUID

from grace.htm.domain.lifecycle import FINAL, State
from grace.htm.domain.unique import REPLACEABLE, Policy, Unique, UniqueKey

MOST_DEPENDENCIES = 64
MOST_RELATIONS = 10_000
"""Of one request."""

Key: TypeAlias = tuple[str, str]
"""A tenant and a client key of it."""
Name: TypeAlias = UUID | str
"""A task by its id, or by its client key."""


@dataclass(frozen=True, slots=True)
class Relations:
    """The tasks that one names, as it names them."""

    depends_on: tuple[str, ...] = ()
    depends_on_keys: tuple[str, ...] = ()
    parent_id: str | None = None
    parent_key: str | None = None

    def __bool__(self) -> bool:
        return self.has_to_wait or self.parent is not None

    @property
    def has_to_wait(self) -> bool:
        """Whether anything must succeed before it."""
        return bool(self.depends_on or self.depends_on_keys)

    @property
    def before(self) -> tuple[Name, ...]:
        """What must succeed before it, each once."""
        return tuple(dict.fromkeys((*map(UUID, self.depends_on), *self.depends_on_keys)))

    @property
    def parent(self) -> Name | None:
        """What ends only after it."""
        return UUID(self.parent_id) if self.parent_id is not None else self.parent_key


ALONE = Relations()


class Kin(Protocol):
    """A task of a request, as far as its relations go."""

    @property
    def task_id(self) -> UUID: ...  # noqa: D102 - as in NewTask
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def tenant_id(self) -> str: ...  # noqa: D102
    @property
    def origin(self) -> str: ...  # noqa: D102
    @property
    def body_hash(self) -> bytes: ...  # noqa: D102
    @property
    def unique(self) -> Unique | None: ...  # noqa: D102
    @property
    def relations(self) -> Relations: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Relative:
    """A stored task that somebody named, locked."""

    task_id: UUID
    tenant_id: str
    origin: str
    state: State
    parent_id: UUID | None
    is_ending: bool
    """Somebody wants it cancelled, or it waits for its children to end otherwise than well."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of what a request names: client keys with their bodies' hashes, and tasks.

    `holders` are those that held the unique keys which the request wants; they may have ended.
    """

    keys: Mapping[Key, tuple[UUID, bytes]] = field(default_factory=dict)
    tasks: Mapping[UUID, Relative] = field(default_factory=dict)
    holders: Mapping[UniqueKey, UUID] = field(default_factory=dict)


def wrongly_named(relations: Relations) -> str | None:
    """What is wrong with the names alone."""
    named = (*relations.depends_on, *filter(None, (relations.parent_id,)))
    if bad := next((text for text in named if not _is_id(text)), None):
        return f"{bad} is no task id"
    if relations.parent_id is not None and relations.parent_key is not None:
        return "a task has one parent: give parent_id or parent_key"
    if len(relations.depends_on) + len(relations.depends_on_keys) > MOST_DEPENDENCIES:
        return f"a task depends on at most {MOST_DEPENDENCIES} others"
    return None


def keys_of(tasks: Sequence[Kin]) -> set[Key]:
    """The client keys that decide what a request's names stand for: its own ones, too."""
    named = {(t.tenant_id, n) for t in tasks for n in _names(t) if isinstance(n, str)}
    return named | {(t.tenant_id, t.key) for t in tasks if t.relations or t.unique}


def ids_of(tasks: Sequence[Kin], known: Known) -> set[UUID]:
    """The stored tasks that are named, by id or by key."""
    found = (_resolved(t, name, known) for t in tasks for name in _names(t))
    return {name for name in found if isinstance(name, UUID)}


def objection_to(tasks: Sequence[Kin], known: Known) -> str | None:
    """What is wrong with the relations of tasks that were submitted together; None where nothing is.

    A task that is stored already is not judged again: its body says what it was related to.
    """
    if sum(len(_names(task)) for task in tasks) > MOST_RELATIONS:
        return f"one request names at most {MOST_RELATIONS} related tasks"
    request = _first_by_key(tasks)
    fresh = [task for key, task in request.items() if key not in known.keys and task.relations]
    wrong = (reason for task in fresh for reason in _objections(task, request, known))
    return next(wrong, None) or _cycle(fresh, request) or _objection_to_place(fresh, request, known)


def entangled(requests: Sequence[Sequence[Kin]]) -> bool:
    """Whether a request names client keys that more than one of them gives.

    Each is judged as if its own tasks came in: where another's come first, that is not so.
    """
    given = Counter(key for tasks in requests for key in _first_by_key(tasks))
    return any(
        given[task.tenant_id, name] > 1
        for tasks in requests
        for task in tasks
        for name in _names(task)
        if isinstance(name, str)
    )


def ended_by(tasks: Iterable[Kin], known: Known) -> Mapping[UUID, Kin]:
    """Stored tasks that end when these come in, each with the one that wants its place."""
    found: dict[UUID, Kin] = {}
    for task in tasks:
        if task.unique is None or task.unique.policy is not Policy.REPLACE:
            continue
        holder = known.holders.get((task.tenant_id, task.unique.key))
        held = known.tasks.get(holder) if holder is not None else None
        if held and held.state in REPLACEABLE and (task.tenant_id, task.key) not in known.keys:
            found[held.task_id] = task
    return found


def crossed(requests: Sequence[Sequence[Kin]], known: Known) -> bool:
    """Whether one request ends what another one names: their order says which of them comes in."""
    ended = [set(ended_by(tasks, known)) for tasks in requests]
    named = [ids_of(tasks, known) if any(ended) else set() for tasks in requests]
    return any(
        ends & theirs
        for n, ends in enumerate(ended)
        for m, theirs in enumerate(named)
        if n != m and ends
    )


@dataclass(frozen=True, slots=True)
class Links:
    """Who depends on whom, and whose child is whose: pairs of a new task and the other."""

    before: tuple[tuple[UUID, UUID], ...]
    parents: tuple[tuple[UUID, UUID], ...]


def links_of(tasks: Sequence[Kin], ids: Mapping[Key, UUID]) -> Links:
    """The relations of stored tasks by their ids; `ids` knows every client key that they name."""

    def id_of(task: Kin, name: Name) -> UUID:
        return name if isinstance(name, UUID) else ids[task.tenant_id, name]

    before = {(t.task_id, id_of(t, name)): None for t in tasks for name in t.relations.before}
    parents = ((t.task_id, id_of(t, t.relations.parent)) for t in tasks if t.relations.parent)
    return Links(tuple(before), tuple(parents))


def _first_by_key(tasks: Sequence[Kin]) -> Mapping[Key, Kin]:
    """The tasks that may be stored: of those under one client key the first, which is judged."""
    found: dict[Key, Kin] = {}
    for task in tasks:
        found.setdefault((task.tenant_id, task.key), task)
    return found


def _objections(task: Kin, request: Mapping[Key, Kin], known: Known) -> Iterator[str]:
    for name in _names(task):
        found = _find(task, name, request, known)
        if found is None:
            yield f"{task.key}: there is no task {name} that it could wait for or belong to"
            return
        key = (task.tenant_id, str(name))
        if key in request and key in known.keys and request[key].body_hash != known.keys[key][1]:
            yield f"{task.key}: the key {name} belongs to a task with another body"
        if not isinstance(found, Relative) and found.unique is not None:
            yield f"{task.key}: {name} wants a unique key and may not come in: submit it before"
    parent = task.relations.parent
    if parent is not None:
        yield from _objections_to_parent(task, _find(task, parent, request, known))
        yield from _objections_to_siblings(task, request, known)


def _objections_to_parent(task: Kin, parent: "Relative | Kin | None") -> Iterator[str]:
    if parent is None:
        return
    if parent.origin != task.origin:
        yield f"{task.key}: its parent is charged to {parent.origin}, and a child to the same"
    if isinstance(parent, Relative) and (parent.state in FINAL or parent.is_ending):
        yield f"{task.key}: its parent has ended or is about to, and takes no more children"


def _objections_to_siblings(task: Kin, request: Mapping[Key, Kin], known: Known) -> Iterator[str]:
    parent = _resolved(task, task.relations.parent, known)
    for name in task.relations.before:
        other = _find(task, name, request, known)
        if isinstance(other, Relative):
            theirs: Name | None = other.parent_id
        else:
            theirs = _resolved(other, other.relations.parent, known) if other else None
        if theirs != parent:
            yield f"{task.key}: a child depends on children of its own parent, and {name} is none"


def _cycle(fresh: Sequence[Kin], request: Mapping[Key, Kin]) -> str | None:
    """Whether tasks of the request wait for one another, or are their own ancestors."""
    graph = {
        (task.tenant_id, task.key): {
            (task.tenant_id, name) for name in _names(task) if (task.tenant_id, name) in request
        }
        for task in fresh
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return f"these wait for one another: {', '.join(key for _, key in error.args[1])}"
    return None


def _objection_to_place(
    fresh: Sequence[Kin], request: Mapping[Key, Kin], known: Known
) -> str | None:
    """A parent is not yet one when its place is asked for: its child would work under what has ended."""
    ended = ended_by(request.values(), known)
    for task in fresh if ended else ():
        for name in sorted(ids_of([task], known) & ended.keys()):
            return f"{task.key}: {ended[name].key} would take the place of {name}, which it names"
    return None


def _names(task: Kin) -> tuple[Name, ...]:
    parent = task.relations.parent
    return task.relations.before if parent is None else (*task.relations.before, parent)


def _resolved(task: Kin, name: Name | None, known: Known) -> Name | None:
    """The same name for the same task: its id, if it is stored."""
    if not isinstance(name, str):
        return name
    stored = known.keys.get((task.tenant_id, name))
    return stored[0] if stored is not None else name


def _find(
    task: Kin, name: Name, request: Mapping[Key, Kin], known: Known
) -> "Relative | Kin | None":
    resolved = _resolved(task, name, known)
    if isinstance(resolved, UUID):
        found = known.tasks.get(resolved)
        return found if found is not None and found.tenant_id == task.tenant_id else None
    return request.get((task.tenant_id, resolved)) if resolved is not None else None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
