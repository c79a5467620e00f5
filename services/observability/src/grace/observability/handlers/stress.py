"""Takes in what runners tell of stress runs: twice, late, out of order, and perhaps wrong."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from grace.contracts.observability import (
    StressEnded,
    StressEndedStatus,
    StressSampled,
    StressStarted,
)
from grace.kit import Received, Unit, new_id
from grace.kit.text import harmless
from grace.observability import metrics
from grace.observability.domain.run import (
    Ending,
    Fault,
    Figures,
    RunKey,
    Sample,
    State,
    Subject,
    by_our_clock,
    fault_of_ending,
    fault_of_figures,
    fault_of_start,
)
from grace.observability.handlers.wakes import Wakes
from grace.observability.store import Remediations, Runs

Told = StressStarted | StressSampled | StressEnded
M = TypeVar("M", StressStarted, StressSampled, StressEnded)

_MOST_TEXT = 500
# What the verdict of a runner means; `unspecified` is none, and is refused.
_VERDICTS = {StressEndedStatus.passed: State.PASSED, StressEndedStatus.failed: State.FAILED}


async def on_stress_started(messages: Sequence[Received[StressStarted]], unit: Unit) -> None:
    """Note that runs have begun."""
    runs, now = Runs(unit.tx), await unit.now()
    sound = _sound(messages, unit, lambda each: fault_of_start(each.body.started_at, now))
    if not sound:
        return
    first = _first(await _undisputed(sound, unit))
    news = await runs.start([(_subject(each), each.body.started_at) for each in first.values()])
    await _count_rest(sound, {key: each for key, each in first.items() if key in news}, unit)


async def on_stress_sampled(messages: Sequence[Received[StressSampled]], unit: Unit) -> None:
    """Keep every sample once, and show each run as its newest one does."""
    runs = Runs(unit.tx)
    sound = _sound(messages, unit, lambda each: fault_of_figures(_figures(each.body)))
    if not sound:
        return
    newest: dict[RunKey, Sample] = {}
    for each in await _undisputed(sound, unit):
        subject, sample = _subject(each), _sample(each)
        # Another suite or target under the same id does not count: the first one names the run.
        best = newest.setdefault(subject.key, sample)
        if best.subject == subject and best.sequence < sample.sequence:
            newest[subject.key] = sample
    await runs.show(list(newest.values()))
    kept = await _drop_misplaced(sound, unit)
    if kept:
        await runs.keep_samples([_sample(each) for each in kept])


async def on_stress_ended(
    wakes: Wakes, messages: Sequence[Received[StressEnded]], unit: Unit
) -> None:
    """End runs by the first word on each; those that failed of something known are owed a remedy."""
    now = await unit.now()
    sound = _sound(messages, unit, lambda each: fault_of_ending(_ending(each), now))
    if not sound:
        return
    first = _first(await _undisputed(sound, unit))
    endings = {key: by_our_clock(_ending(each), now) for key, each in first.items()}
    news = await Runs(unit.tx).end(list(endings.values()))
    await _count_rest(sound, {key: first[key] for key in news}, unit)
    await _owe_remedies([endings[key] for key in endings if key in news], unit)
    unit.after_commit(lambda: unit.runtime.wake(wakes.watch))
    unit.after_commit(lambda: unit.runtime.wake(wakes.submit))


async def _owe_remedies(endings: Sequence[Ending], unit: Unit) -> None:
    failed = [each for each in endings if each.wants_remediation]
    if failed:
        await Remediations(unit.tx).add([(f"remediation-{new_id()}", each) for each in failed])

    def count() -> None:
        for each in endings:
            figures = each.figures
            metrics.count_run(each.status, requests=figures.requests, errors=figures.errors)

    unit.after_commit(count)


def _sound(
    messages: Sequence[Received[M]], unit: Unit, fault_of: Callable[[Received[M]], Fault | None]
) -> list[Received[M]]:
    """Refuse what cannot be; return the rest."""
    sound = []
    for message in messages:
        fault = fault_of(message)
        if fault is None:
            sound.append(message)
        else:
            unit.refuse(message, reason=fault.reason, detail=fault.detail)
    return sound


async def _undisputed(messages: Sequence[Received[M]], unit: Unit) -> Sequence[Received[M]]:
    """Leave out what somebody else says of a known run in the same batch: it must hide nothing."""
    said: dict[RunKey, set[Subject]] = {}
    for subject in map(_subject, messages):
        said.setdefault(subject.key, set()).add(subject)
    disputed = [key for key, subjects in said.items() if len(subjects) > 1]
    if not disputed:
        return messages
    known = await Runs(unit.tx).subjects(disputed)
    subjects = [(each, _subject(each)) for each in messages]
    return [each for each, subject in subjects if known.get(subject.key, subject) == subject]


def _first(messages: Iterable[Received[M]]) -> dict[RunKey, Received[M]]:
    """The first message on each run; one statement names a run once."""
    first: dict[RunKey, Received[M]] = {}
    for message in messages:
        first.setdefault(_subject(message).key, message)
    return first


async def _count_rest(
    messages: Sequence[Received[M]], news: dict[RunKey, Received[M]], unit: Unit
) -> None:
    """Say of every message that changed nothing why."""
    for message in await _drop_misplaced(messages, unit):
        if news.get(_subject(message).key) is not message:
            unit.count("stale", message)


async def _drop_misplaced(messages: Sequence[Received[M]], unit: Unit) -> list[Received[M]]:
    """Refuse messages whose run is known to be about something else; return the others."""
    known = await Runs(unit.tx).subjects(_subject(each).key for each in messages)
    rest = []
    for message in messages:
        subject = _subject(message)
        if known.get(subject.key, subject) == subject:
            rest.append(message)
        else:
            unit.refuse(
                message,
                reason="run_changed",
                detail=f"{subject.key.run_id} was another suite or target: a run keeps both",
            )
    return rest


def _subject(message: Received[Any]) -> Subject:
    body: Told = message.body
    return Subject(RunKey(message.tenant, body.run_id), body.suite, body.target)


def _figures(body: StressSampled | StressEnded) -> Figures:
    return Figures(body.requests, body.errors, body.p50_ms, body.p99_ms, body.mean_ms)


def _sample(message: Received[StressSampled]) -> Sample:
    body = message.body
    return Sample(_subject(message), body.sequence, body.at, _figures(body))


def _ending(message: Received[StressEnded]) -> Ending:
    body = message.body
    return Ending(
        subject=_subject(message),
        status=_VERDICTS.get(body.status, State.RUNNING),
        started_at=body.started_at,
        ended_at=body.ended_at,
        figures=_figures(body),
        failure_kind=body.failure_kind,
        message=None if body.message is None else harmless(body.message, _MOST_TEXT),
    )
