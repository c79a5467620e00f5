"""Judges a run by its evidence. Pure: what it is given is all it knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torture.evidence import Evidence
from torture.orders import KERNEL

from grace.htm.domain.lifecycle import FINAL, TRANSITIONS, State

MOST_EXECUTIONS = 1.5  # for each task
MOST_DRAIN_SECONDS = 60.0
_SAMPLES = 3
_ENDED_BY = {"succeeded": "completed", "failed": "failed", "timeout": "timeout"}
_TIMES = ("created_at", "queued_at", "assigned_at", "started_at", "finished_at")
_DOORS = {(str(old), str(new)) for old, doors in TRANSITIONS.items() for new in doors.values()}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found: nothing may be there. `found` is None where nothing could be looked at."""

    rule: str
    invariant: str
    found: int | None
    samples: tuple[str, ...] = ()

    @property
    def is_breach(self) -> bool:
        """Whether the run broke it."""
        return bool(self.found)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run that held is told by."""

    tasks: int
    executions: int
    executions_per_task: float
    drained_after: float | None
    stale_attempts: int
    forged_reports: int
    repeated_submissions: int
    poison: int
    looks_at_limits: int
    limits_reached: int


def figures(evidence: Evidence) -> Figures:
    """The numbers that are not zero."""
    served = sum(task["kernel"] == KERNEL for task in evidence.tasks.values())
    return Figures(
        tasks=len(evidence.tasks),
        executions=len(evidence.attempts),
        executions_per_task=len(evidence.attempts) / max(1, served),
        drained_after=evidence.drained_after,
        stale_attempts=sum(a["outcome"] == "lapsed" for a in evidence.attempts.values()),
        forged_reports=evidence.books.forged,
        repeated_submissions=evidence.books.repeated,
        poison=len(evidence.books.poison),
        looks_at_limits=evidence.samples.looks,
        limits_reached=evidence.samples.full,
    )


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Every rule's finding, in the order of the invariants."""
    return tuple(_found(*rule, evidence) for rule in RULES)


def _found(
    rule: str, invariant: str, look: Callable[[Evidence], Iterable[str] | None], evidence: Evidence
) -> Finding:
    looked = look(evidence)
    if looked is None:
        return Finding(rule, invariant, None)
    samples = list(looked)
    return Finding(rule, invariant, len(samples), tuple(samples[:_SAMPLES]))


def lost(evidence: Evidence) -> Iterator[str]:
    """Answered submissions whose task is not there."""
    for key, (_, task_id) in evidence.books.accepted.items():
        task = evidence.tasks.get(task_id)
        if task is None or task["key"] != key:
            yield f"{key} was answered with {task_id}"


def uninvited(evidence: Evidence) -> Iterator[str]:
    """Tasks that nobody was answered for."""
    known = {task_id for _, task_id in evidence.books.accepted.values()}
    yield from (
        f"{task_id} {evidence.tasks[task_id]['key']}" for task_id in evidence.tasks.keys() - known
    )


def unfinished(evidence: Evidence) -> Iterator[str]:
    """Tasks that had not ended in time."""
    for task_id, task in evidence.tasks.items():
        if task["status"] not in FINAL:
            yield f"{task_id} is {task['status']}"


def final_twice(evidence: Evidence) -> Iterator[str]:
    """Tasks that ended, or were told to have ended, more than once."""
    ends = Counter(move["task_id"] for move in evidence.moves if move["new"] in FINAL)
    yield from (f"{task_id} ended {count} times" for task_id, count in ends.items() if count > 1)
    for task_id, told in evidence.books.told.items():
        if len(told) > 1:
            yield f"{task_id} was told {len(told)} times: {sorted(end for _, end in told)}"


def changed_at_rest(evidence: Evidence) -> Iterator[str]:
    """Tasks whose row is not what it was when they ended."""
    prints = {m["task_id"]: m["print"] for m in evidence.moves if m["new"] in FINAL}
    for task_id, seen in prints.items():
        task = evidence.tasks.get(task_id)
        if task is None or task["print"] != seen:
            yield f"{task_id} was changed after its end"


def wrong_ends(evidence: Evidence) -> Iterator[str]:
    """Tasks that ended in another way than their order demands."""
    for order, task_id in evidence.books.accepted.values():
        task = evidence.tasks.get(task_id)
        if task is not None and task["status"] in FINAL and task["status"] != order.end:
            yield f"{task_id} ({order.kind}) is {task['status']}, not {order.end}"


def unfounded(evidence: Evidence) -> Iterator[str]:
    """Attempts that ended by a report which their own worker had not made by then."""
    for (task_id, number), attempt in evidence.attempts.items():
        said = _ENDED_BY.get(attempt["outcome"])
        made_at = evidence.reports.get((task_id, number, attempt["worker_id"], said or ""))
        if said and (made_at is None or made_at > attempt["finished_at"]):
            yield f"{task_id} attempt {number} {attempt['outcome']} by nobody's word"


def two_tasks_for_a_key(evidence: Evidence) -> Iterator[str]:
    """Repeated submissions that were answered otherwise than the first."""
    yield from evidence.books.contradictions
    keys = Counter(task["key"] for task in evidence.tasks.values())
    yield from (f"{key} has {count} tasks" for key, count in keys.items() if count > 1)


def double_effects(evidence: Evidence) -> Iterator[str]:
    """Tasks that were carried out more than once."""
    effects = Counter(effect["task_id"] for effect in evidence.effects)
    yield from (f"{task_id} {count} times" for task_id, count in effects.items() if count > 1)


def stale_effects(evidence: Evidence) -> Iterator[str]:
    """Effects of attempts that a later one had overtaken."""
    for effect in evidence.effects:
        if effect["attempt_number"] < effect["granted"]:
            yield f"{effect['task_id']} attempt {effect['attempt_number']} of {effect['granted']}"


def false_successes(evidence: Evidence) -> Iterator[str]:
    """Tasks that succeeded without an effect, and tasks with an effect that did not succeed."""
    done = {effect["task_id"] for effect in evidence.effects}
    for task_id, task in evidence.tasks.items():
        if task["status"] in FINAL and (task["status"] == State.SUCCEEDED) != (task_id in done):
            yield f"{task_id} {task['status']} {'with' if task_id in done else 'without'} effect"


def untold(evidence: Evidence) -> Iterator[str]:
    """Ends that nobody was told of, or was told otherwise, and rows that no stream has."""
    for task_id, task in evidence.tasks.items():
        told = {end for _, end in evidence.books.told.get(task_id, ())}
        if task["status"] in FINAL and told != {task["status"]}:
            yield f"{task_id} {task['status']}, told as {sorted(told) or 'nothing'}"
    yield from (f"outbox row {number + 1} was never sent" for number in range(evidence.unsent))


def too_many_executions(evidence: Evidence) -> Iterator[str]:
    """More executions than faults can explain."""
    found = figures(evidence).executions_per_task
    if found > MOST_EXECUTIONS:
        yield f"{found:.2f} executions for each task"


def too_late(evidence: Evidence) -> Iterator[str]:
    """Work that was still there long after the last fault."""
    after = evidence.drained_after
    if after is None or after > MOST_DRAIN_SECONDS:
        yield "work was left" if after is None else f"done after {after:.0f} s"


def poison_lost(evidence: Evidence) -> Iterator[str]:
    """Messages that nobody can act on and that are not kept, or kept more often than published."""
    for identity, published in evidence.books.poison.items():
        kept = evidence.quarantine.get(identity, 0)
        if not 1 <= kept <= published:
            yield f"message {identity} was published {published} times and is kept {kept} times"


def illegal_moves(evidence: Evidence) -> Iterator[str]:
    """Moves through doors that are not drawn, and moves from where the task did not stand."""
    stands: dict[Any, str] = {}
    for move in evidence.moves:
        task_id, old, new = move["task_id"], move["old"], move["new"]
        if stands.get(task_id) != old or (old is not None and (old, new) not in _DOORS):
            yield f"{task_id} from {old} (it was {stands.get(task_id)}) to {new}"
        stands[task_id] = new


def gaps(evidence: Evidence) -> Iterator[str]:
    """Tasks whose attempts are not counted from 1 without a gap."""
    counted = Counter(task_id for task_id, _ in evidence.attempts)
    for task_id, task in evidence.tasks.items():
        if counted[task_id] != task["attempt_number"]:
            yield f"{task_id} has {counted[task_id]} attempts, counted {task['attempt_number']}"


def out_of_order(evidence: Evidence) -> Iterator[str]:
    """Times that contradict each other, or that no clock of the database showed in this run."""
    for row in (*evidence.tasks.values(), *evidence.attempts.values()):
        if not _in_order(row, evidence):
            yield f"{row.get('id') or row.get('task_id')}: {_times(row)}"


def _times(row: Mapping[str, Any]) -> list[Any]:
    return [row[name] for name in _TIMES if row.get(name) is not None]


def _in_order(row: Mapping[str, Any], evidence: Evidence) -> bool:
    times = [evidence.began_at, *_times(row), evidence.ended_at]
    return all(earlier <= later for earlier, later in pairwise(times))


def over_limits(evidence: Evidence) -> Sequence[str] | None:
    """Instants at which somebody held more than allowed; None where nobody looked."""
    if evidence.samples.over is None:
        return None
    return [f"{each.who} held {each.held} of {each.most}" for each in evidence.samples.over]


RULES: tuple[tuple[str, str, Callable[[Evidence], Iterable[str] | None]], ...] = (
    ("lost", "I1", lost),
    ("uninvited", "I1", uninvited),
    ("unfinished", "I1", unfinished),
    ("final twice", "I1", final_twice),
    ("changed at rest", "I1", changed_at_rest),
    ("wrong end", "I1", wrong_ends),
    ("ended by nobody's report", "I2", unfounded),
    ("double effect", "I3", double_effects),
    ("stale effect", "I3", stale_effects),
    ("false success", "I3", false_successes),
    ("two tasks for a key", "I5", two_tasks_for_a_key),
    ("untold", "I6", untold),
    ("too many executions", "I7", too_many_executions),
    ("drained too late", "I7", too_late),
    ("poison not kept", "I8", poison_lost),
    ("illegal move", "I10", illegal_moves),
    ("attempts with gaps", "I10", gaps),
    ("times out of order", "I10", out_of_order),
    ("over the limit", "I11", over_limits),
)
