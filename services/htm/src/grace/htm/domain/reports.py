"""What workers' reports do to tasks. Reports come twice, late, out of order and from strangers."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from grace.htm.domain.lifecycle import HELD, Event, State, after
from grace.htm.domain.owner import Fence, Owner
from grace.htm.domain.progress import Progress, Word, is_behind
from grace.htm.domain.retry import (
    ErrorClass,
    History,
    Policies,
    Ruling,
    class_of,
    on_failure,
    on_lapse,
)
from grace.htm.domain.routing import payload_size


class Kind(StrEnum):
    """What a worker reports; the words of the wire."""

    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"


class Ending(StrEnum):
    """How an attempt stands; `running` until it ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMEOUT = "timeout"
    LAPSED = "lapsed"


class Standing(StrEnum):
    """What a report is worth. Only a current one changes anything."""

    CURRENT = "current"
    DUPLICATE = "duplicate"
    LATE = "late"
    STALE = "stale"
    BEHIND = "behind"
    UNKNOWN_TASK = "unknown_task"
    NOT_OWNER = "not_owner"
    OVERSIZED = "oversized"
    BAD_RESULT = "bad_result"
    BAD_REFERENCE = "bad_reference"
    CONTRADICTORY = "contradictory"


REFUSED = frozenset(
    {
        Standing.UNKNOWN_TASK,
        Standing.NOT_OWNER,
        Standing.OVERSIZED,
        Standing.BAD_RESULT,
        Standing.BAD_REFERENCE,
        Standing.CONTRADICTORY,
    }
)
"""What no honest worker sends: its message goes to the quarantine."""

LONGEST_RESULT = 262_144
"""Bytes; larger results travel by reference."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
# A number of any length is JSON, and only a float is read from one in time. NaN passes: who judges it calls it no number.
_JSON = json.JSONDecoder(parse_int=float)

_ENDINGS: Mapping[Kind, Ending] = {
    Kind.STARTED: Ending.RUNNING,
    Kind.COMPLETED: Ending.SUCCEEDED,
    Kind.FAILED: Ending.FAILED,
    Kind.TIMEOUT: Ending.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a result lies: the hash of its JSON in the blob store, and how many bytes it has."""

    sha256: str
    size_bytes: int | None


class Report(NamedTuple):
    """One report on one attempt; `jitter` in 0 .. 1 spreads the retry that it may cause."""

    task_id: UUID | None
    attempt_number: int
    owner: Owner
    kind: Kind
    jitter: float
    error_class: str | None = None
    retryable: bool | None = None
    error_message: str | None = None
    result_json: str | None = None
    reference: Reference | None = None
    progress: Word | None = None


@dataclass(frozen=True, slots=True)
class Attempted:
    """A task with its newest attempt: the facts that a report is judged by."""

    task_id: UUID
    state: State
    owner: Owner | None
    ending: Ending
    history: History
    cancelling: bool = False
    """Somebody wants it cancelled: only a success still counts."""
    said: Word | None = None
    """How far the attempt said it was; asked for where a report says how far it is."""
    type: str = ""
    """What it is counted under: which policy its retries follow."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of an attempt, and where its task goes."""

    fence: Fence
    ending: Ending
    state: State
    delay: timedelta | None = None
    error_class: ErrorClass | None = None
    error_message: str | None = None
    result_json: str | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a batch of reports comes to; `standings` is in the order of the reports."""

    starts: tuple[Fence, ...]
    closings: tuple[Closing, ...]
    standings: tuple[Standing, ...]
    progress: tuple[Progress, ...] = ()


def only_successes(reports: Sequence[Report]) -> bool:
    """Whether they only say that attempts succeeded, each of another task.

    Then the guard of the change judges them as `settle` would: whoever still holds the attempt ends
    it, and only what is left over needs to be looked at.
    """
    return len({report.task_id for report in reports}) == len(reports) and all(
        report.kind is Kind.COMPLETED
        and report.task_id is not None
        and report.reference is None
        and not _oversized(report)
        and _readable(report)
        and not _contradictory(report)
        for report in reports
    )


def settle(
    reports: Sequence[Report], tasks: Mapping[UUID, Attempted], *, policies: Policies
) -> Settlement:
    """Judge reports one after another, each by what those before it left behind."""
    facts = dict(tasks)
    starts: dict[UUID, Fence] = {}
    progress: dict[UUID, Progress] = {}
    closings: list[Closing] = []
    standings: list[Standing] = []
    for report in reports:
        task = facts.get(report.task_id) if report.task_id else None
        standing = standing_of(report, task)
        standings.append(standing)
        if task is None or standing is not Standing.CURRENT:
            continue
        if report.kind is Kind.STARTED:
            if task.state is State.ASSIGNED:
                starts[task.task_id] = fence_of(task)
            if news := _news(report, task):
                progress[task.task_id] = Progress(fence_of(task), report.owner, news)
            facts[task.task_id] = replace(task, state=State.RUNNING, said=news or task.said)
        else:
            closing = closing_of(report, task, policies=policies)
            closings.append(closing)
            starts.pop(task.task_id, None)  # its end says more: one write, no false start time
            facts[task.task_id] = replace(task, state=closing.state, ending=closing.ending)
    return Settlement(
        tuple(starts.values()), tuple(closings), tuple(standings), tuple(progress.values())
    )


def standing_of(report: Report, task: Attempted | None) -> Standing:
    """What a report is worth for the task as it stands."""
    if task is None:
        return Standing.UNKNOWN_TASK
    if report.attempt_number < task.history.attempt_number:
        return Standing.STALE
    if report.attempt_number > task.history.attempt_number or report.owner != task.owner:
        return Standing.NOT_OWNER
    if report.kind is Kind.STARTED and task.state is State.RUNNING:
        return _again(report, task)
    if task.state in HELD:
        return _fit(report)
    return Standing.DUPLICATE if _ENDINGS[report.kind] is task.ending else Standing.LATE


def fence_of(task: Attempted) -> Fence:
    """The task's newest attempt."""
    return Fence(task.task_id, task.history.attempt_number)


def closing_of(report: Report, task: Attempted, *, policies: Policies) -> Closing:
    """What the reported end of an attempt means for its task."""
    if report.kind is Kind.COMPLETED:
        return Closing(
            fence=fence_of(task),
            ending=Ending.SUCCEEDED,
            state=after(task.state, Event.SUCCEED),
            result_json=report.result_json,
            reference=report.reference,
        )
    timed_out = report.kind is Kind.TIMEOUT
    error_class = class_of(report.error_class, retryable=report.retryable, timed_out=timed_out)
    policy = policies.of(task.type)
    ruling = on_failure(task.history, error_class, policy=policy, jitter=report.jitter)
    ruling = Ruling(Event.CANCEL) if task.cancelling else ruling
    return Closing(
        fence=fence_of(task),
        ending=_ENDINGS[report.kind],
        state=after(task.state, ruling.event),
        delay=ruling.delay,
        error_class=error_class,
        error_message=report.error_message,
        result_json=report.result_json,
    )


def lapse_of(task: Attempted, *, policies: Policies, jitter: float) -> Closing:
    """What a lapsed lease means for its task."""
    ruling = on_lapse(task.history, policy=policies.of(task.type), jitter=jitter)
    ruling = Ruling(Event.CANCEL) if task.cancelling else ruling
    return Closing(
        fence=fence_of(task),
        ending=Ending.LAPSED,
        state=after(task.state, ruling.event),
        delay=ruling.delay,
        error_class=ErrorClass.SYSTEM,
        error_message="the lease lapsed: nothing was heard of the worker",
    )


def _again(report: Report, task: Attempted) -> Standing:
    """What it is worth that an attempt says once more that it runs."""
    if report.progress is not None and is_behind(report.progress, task.said):
        return Standing.BEHIND
    return Standing.CURRENT if _news(report, task) else Standing.DUPLICATE


def _news(report: Report, task: Attempted) -> Word | None:
    """What a report says of progress that was not known."""
    word = report.progress
    return word if word != task.said and word and not is_behind(word, task.said) else None


def _fit(report: Report) -> Standing:
    """Whether what a report brings can be taken in."""
    if _oversized(report):
        return Standing.OVERSIZED
    if not _readable(report):
        return Standing.BAD_RESULT
    if _contradictory(report):
        return Standing.CONTRADICTORY
    reference = report.reference
    if reference is None:
        return Standing.CURRENT
    is_whole = _SHA256.fullmatch(reference.sha256) and reference.size_bytes is not None
    is_alone = report.kind is Kind.COMPLETED and report.result_json is None
    return Standing.CURRENT if is_whole and is_alone else Standing.BAD_REFERENCE


def _oversized(report: Report) -> bool:
    return report.result_json is not None and payload_size(report.result_json) > LONGEST_RESULT


def _readable(report: Report) -> bool:
    """Whether what it brings is JSON, as everybody is told who reads a result."""
    if report.result_json is None:
        return True
    try:
        _JSON.decode(report.result_json)
    except (ValueError, RecursionError):
        return False
    return True


def _contradictory(report: Report) -> bool:
    """Whether it calls a success what it names an error of: whichever holds, nobody verified it."""
    return report.kind is Kind.COMPLETED and bool(report.error_class or report.error_message)
