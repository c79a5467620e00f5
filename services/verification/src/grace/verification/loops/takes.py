"""Makes the takes of plans that are due: by a worker's task, or by verification at a source."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from grace.kit import GraceError, Runtime
from grace.verification.domain.reading import reading_of
from grace.verification.domain.task import Report
from grace.verification.domain.verdict import Reading, Unmeasured
from grace.verification.loops.queue import Answer, Declined, Taken, reports_of, submit_all
from grace.verification.loops.sources import Sources
from grace.verification.settings import Settings
from grace.verification.store import Contracts
from grace.verification.store.takes import DueTake, Takes

_NOBODY = Unmeasured("nobody took it in time")


class TakeByWorker:
    """Level-based, like Advance: submits the tasks of takes and reads what came of them."""

    def __init__(self, settings: Settings, *, advance: type) -> None:
        self._settings = settings
        self._advance = advance

    async def tick(self, runtime: Runtime) -> bool:
        """Make the takes that are due; True when there were any."""
        takes = await _claim(runtime, self._settings, by_source=False)
        if not takes:
            return False
        now = takes[0].seen_at
        wanted = [take for take in takes if take.is_wanted]
        try:
            reports = await reports_of(runtime, [take.task_id for take in wanted if take.task_id])
            answers = await _submitted(runtime, _unknown(wanted, reports, now))
        except GraceError as error:
            runtime.log.warning("takes.wait", error=error.detail, takes=len(takes))
            return False
        readings = {take.take_id: _reading(take, reports, answers, now) for take in wanted}
        await self._write(runtime, takes, readings, answers)
        return True

    async def _write(
        self,
        runtime: Runtime,
        takes: Sequence[DueTake],
        readings: Mapping[str, Reading | None],
        answers: Mapping[str, Answer],
    ) -> None:
        await _end(runtime, takes, readings, self._advance)
        pause = self._settings.poll_interval
        async with runtime.unit() as unit:
            for take in takes:
                answer = answers.get(take.take_id)
                if isinstance(answer, Taken):
                    await Takes(unit.tx).submit(take, task_id=answer.task_id, pause=pause)
                elif take.is_wanted and readings[take.take_id] is None:
                    await Takes(unit.tx).rest(take, pause=pause)


class TakeBySource:
    """Asks the sources, all that are due at once: a slow one holds up no worker's takes."""

    def __init__(self, settings: Settings, sources: Sources, *, advance: type) -> None:
        self._settings = settings
        self._sources = sources
        self._advance = advance

    async def tick(self, runtime: Runtime) -> bool:
        """Make the takes that are due; True when there were any."""
        takes = await _claim(runtime, self._settings, by_source=True)
        if not takes:
            return False
        now = takes[0].seen_at
        wanted = [take for take in takes if take.is_wanted]
        found = await asyncio.gather(*(self._measure(take, now) for take in wanted))
        readings = {take.take_id: each for take, each in zip(wanted, found, strict=True)}
        await _end(runtime, takes, readings, self._advance)
        return True

    async def _measure(self, take: DueTake, now: datetime) -> Reading:
        if now > take.deadline:
            return _NOBODY
        return await self._sources.measure(take.measurement)


async def _claim(runtime: Runtime, settings: Settings, *, by_source: bool) -> list[DueTake]:
    async with runtime.reading() as tx:
        return await Takes(tx).claim(
            by_source=by_source, most=settings.advance_most, claim_for=settings.claim_for
        )


def _unknown(
    takes: Sequence[DueTake], reports: Mapping[str, Report], now: datetime
) -> list[DueTake]:
    """Return the takes whose task htm does not know, and that are not too late for it."""
    return [take for take in takes if (take.task_id or "") not in reports and now <= take.deadline]


async def _submitted(runtime: Runtime, takes: Sequence[DueTake]) -> dict[str, Answer]:
    specs = [take.task_spec for take in takes if take.task_spec is not None]  # the table says so
    answers = await submit_all(runtime, specs) if specs else []
    return {take.take_id: answer for take, answer in zip(takes, answers, strict=True)}


def _reading(
    take: DueTake, reports: Mapping[str, Report], answers: Mapping[str, Answer], now: datetime
) -> Reading | None:
    """Return what a take brought, or None while it may still come."""
    report = reports.get(take.task_id or "")
    if report is not None:
        return reading_of(report, deadline=take.deadline, now=now)
    match answers.get(take.take_id):
        case Taken():
            return None
        case Declined(why):
            return Unmeasured(why)
        case None:
            return _NOBODY


async def _end(
    runtime: Runtime,
    takes: Sequence[DueTake],
    readings: Mapping[str, Reading | None],
    advance: type,
) -> None:
    """Keep what takes brought, drop what nobody wants, and let their contracts look at once.

    The contracts first: whoever hears of an ended task locks both, in this order.
    """
    ended = [(take, found) for take in takes if (found := readings.get(take.take_id)) is not None]
    unwanted = [take for take in takes if not take.is_wanted]
    if not ended and not unwanted:
        return
    contract_ids = {take.contract_id for take, _ in ended if take.contract_id is not None}
    async with runtime.unit() as unit:
        await Contracts(unit.tx).nudge(sorted(contract_ids))
        for take, reading in ended:
            await Takes(unit.tx).end(take, reading)
        for take in unwanted:
            await Takes(unit.tx).drop(take)
        unit.after_commit(lambda: runtime.wake(advance))
