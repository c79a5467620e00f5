"""Makes the takes of plans that are due: by a worker's task, or by verification at a source."""

import asyncio
from datetime import datetime

from grace.kit import GraceError, Runtime
from grace.verification.domain.reading import reading_of
from grace.verification.domain.task import Report
from grace.verification.domain.verdict import Reading, Unmeasured
from grace.verification.loops.queue import Declined, Taken, reports_of, submit_all
from grace.verification.loops.sources import Sources
from grace.verification.settings import Settings
from grace.verification.store import Contracts
from grace.verification.store.takes import DueTake, Takes


class TakeByWorker:
    """Level-based, like Advance: submits the tasks of takes and reads what came of them."""

    def __init__(self, settings: Settings, *, advance: type) -> None:
        self._settings = settings
        self._advance = advance

    async def tick(self, runtime: Runtime) -> bool:
        """Make the takes that are due; True when there were any."""
        takes, now = await _claim(runtime, self._settings, by_source=False)
        if not takes:
            return False
        try:
            reports = await reports_of(runtime, [take.task_id for take in takes if take.task_id])
            for take in takes:
                await self._one(runtime, take, reports.get(take.task_id or ""), now)
        except GraceError as error:
            runtime.log.warning("takes.wait", error=error.detail, takes=len(takes))
            return False
        return True

    async def _one(
        self, runtime: Runtime, take: DueTake, report: Report | None, now: datetime
    ) -> None:
        if not take.is_wanted:
            await _drop(runtime, take)
        elif report is not None:
            await self._read(runtime, take, report, now)
        elif now > take.deadline:
            await _end(runtime, take, Unmeasured("nobody took it in time"), self._advance)
        else:
            await self._submit(runtime, take)

    async def _read(self, runtime: Runtime, take: DueTake, report: Report, now: datetime) -> None:
        reading = reading_of(report, deadline=take.deadline, now=now)
        if reading is not None:
            await _end(runtime, take, reading, self._advance)
            return
        async with runtime.unit() as unit:
            await Takes(unit.tx).rest(take, pause=self._settings.poll_interval)

    async def _submit(self, runtime: Runtime, take: DueTake) -> None:
        assert take.task_spec is not None  # noqa: S101 - the table says so
        (answer,) = await submit_all(runtime, [take.task_spec])
        match answer:
            case Taken(task_id):
                async with runtime.unit() as unit:
                    pause = self._settings.poll_interval
                    await Takes(unit.tx).submit(take, task_id=task_id, pause=pause)
            case Declined(why):
                await _end(runtime, take, Unmeasured(why), self._advance)


class TakeBySource:
    """Asks the sources, all that are due at once: a slow one holds up no worker's takes."""

    def __init__(self, settings: Settings, sources: Sources, *, advance: type) -> None:
        self._settings = settings
        self._sources = sources
        self._advance = advance

    async def tick(self, runtime: Runtime) -> bool:
        """Make the takes that are due; True when there were any."""
        takes, now = await _claim(runtime, self._settings, by_source=True)
        await asyncio.gather(*(self._one(runtime, take, now) for take in takes))
        return bool(takes)

    async def _one(self, runtime: Runtime, take: DueTake, now: datetime) -> None:
        if not take.is_wanted:
            await _drop(runtime, take)
        elif now > take.deadline:
            await _end(runtime, take, Unmeasured("nobody took it in time"), self._advance)
        else:
            reading = await self._sources.measure(take.measurement)
            await _end(runtime, take, reading, self._advance)


async def _claim(
    runtime: Runtime, settings: Settings, *, by_source: bool
) -> tuple[list[DueTake], datetime]:
    async with runtime.unit() as unit:
        takes = await Takes(unit.tx).claim(
            by_source=by_source, most=settings.advance_most, claim_for=settings.claim_for
        )
        return takes, await unit.now()


async def _end(runtime: Runtime, take: DueTake, reading: Reading, advance: type) -> None:
    """Keep what a take brought, and let its contract look at once."""
    async with runtime.unit() as unit:
        if await Takes(unit.tx).end(take, reading) and take.contract_id is not None:
            await Contracts(unit.tx).nudge([take.contract_id])
            unit.after_commit(lambda: runtime.wake(advance))


async def _drop(runtime: Runtime, take: DueTake) -> None:
    async with runtime.unit() as unit:
        await Takes(unit.tx).drop(take)
