"""What htm measures beyond what the kit measures."""

from collections import Counter as Counted
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

from grace.htm.domain.announcements import Moved, SlaChanged, Times
from grace.htm.domain.lifecycle import FINAL, State
from grace.htm.domain.sla import Sla

# Submitters choose the names of types and kernels: no program may fill the memory with them.
MOST_NAMES = 200
OTHER = "other"
# Each promise is an edge: 0.2 s and 0.5 s on average, 1 s and 2 s at most, 30 s for an operation and
# the usual SLA, 60 s for an action, an hour for an approval.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)

TASKS = Counter("grace_htm_tasks_total", "Tasks that came to rest", ("type", "outcome"))
RETRIES = Counter("grace_htm_retries_total", "Attempts that another one follows", ("type",))
QUEUE_SECONDS = Histogram(
    "grace_htm_queue_seconds",
    "From queued to claimed, of the last attempt of an ended task",
    ("type",),
    buckets=_SECONDS,
)
EXECUTION_SECONDS = Histogram(
    "grace_htm_execution_seconds",
    "From start to end of the last attempt of an ended task",
    ("type",),
    buckets=_SECONDS,
)
TOTAL_SECONDS = Histogram(
    "grace_htm_total_seconds", "From accepted to ended", ("type",), buckets=_SECONDS
)
SLA_BREACHES = Counter(
    "grace_htm_sla_breaches_total", "Tasks that missed their deadline", ("type",)
)
QUEUED = Gauge(
    "grace_htm_queued",
    "Tasks that wait for a kernel, counted up to 10000; every replica tells the same number",
    ("kernel",),
)

_ENDS_OF_ATTEMPTS = frozenset({State.SUCCEEDED, State.FAILED, State.DEAD_LETTER})
_NAMES: set[str] = set()


def measure(moved: Sequence[Moved]) -> None:
    """Count tasks that came out of an attempt, and the times of those that ended."""
    for (name, state), count in Counted((task.type, task.state) for task in moved).items():
        if state is State.RETRYING:
            RETRIES.labels(_bounded(name)).inc(count)
        elif state in FINAL or state is State.NEEDS_ATTENTION:
            TASKS.labels(_bounded(name), state.value).inc(count)
    for task in moved:
        if task.times is not None:
            _observe(_times_of(_bounded(task.type)), task.state, task.times)


def count_sla(changes: Sequence[SlaChanged]) -> None:
    """Count tasks that missed their deadline."""
    for change in changes:
        if change.sla_state is Sla.BREACHED:
            SLA_BREACHES.labels(_bounded(change.type)).inc()


def show_queued(tasks: Mapping[str, int]) -> None:
    """Show how many tasks wait for which kernel; the longest queues where there are too many."""
    longest = sorted(tasks, key=lambda kernel: -tasks[kernel])
    QUEUED.clear()
    for kernel in longest[:MOST_NAMES]:
        QUEUED.labels(kernel).set(tasks[kernel])


class _Times(NamedTuple):
    """The histograms of one type."""

    queue: Histogram
    execution: Histogram
    total: Histogram


@cache
def _times_of(type_: str) -> _Times:
    """Found once: to look one up takes longer than to observe; the names are bounded."""
    found = (QUEUE_SECONDS, EXECUTION_SECONDS, TOTAL_SECONDS)
    return _Times(*(histogram.labels(type_) for histogram in found))


def _observe(seconds: _Times, state: State, times: Times) -> None:
    """Observe what the task came to; what it never came to has no time, not a short one."""
    if times.queued_at is not None:
        waited = (times.assigned_at or times.finished_at) - times.queued_at
        seconds.queue.observe(waited.total_seconds())
    if times.finished_at >= times.created_at:  # else it ended before it was due
        seconds.total.observe((times.finished_at - times.created_at).total_seconds())
    if times.started_at is not None and times.worked_until and state in _ENDS_OF_ATTEMPTS:
        seconds.execution.observe((times.worked_until - times.started_at).total_seconds())


def _bounded(name: str) -> str:
    """The name, if it is one of the first so many."""
    if name not in _NAMES and len(_NAMES) < MOST_NAMES:
        _NAMES.add(name)
    return name if name in _NAMES else OTHER
