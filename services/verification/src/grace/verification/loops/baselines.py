"""Takes baselines: submits their measurement, waits for it, stores what came."""

from grace.kit import GraceError, Runtime, Unit
from grace.verification.domain.baseline import (
    Failed,
    Settled,
    Stored,
    Unsubmitted,
    Waiting,
    settle,
    settle_reading,
)
from grace.verification.domain.task import Report
from grace.verification.loops.queue import Declined, Taken, reports_of, submit_all
from grace.verification.loops.sources import Sources
from grace.verification.settings import Settings
from grace.verification.store import BaselineCase, Benchmarks, Missions


class Baselines:
    """Level-based, like Advance."""

    def __init__(self, settings: Settings, sources: Sources) -> None:
        self._settings = settings
        self._sources = sources

    async def tick(self, runtime: Runtime) -> bool:
        """Advance the baselines that are due; True when there were any."""
        async with runtime.reading() as tx:
            cases = await Benchmarks(tx).claim_baselines(
                most=self._settings.advance_most, claim_for=self._settings.claim_for
            )
        if not cases:
            return False
        try:
            reports = await reports_of(runtime, [case.task_id for case in cases if case.task_id])
            for case in cases:
                await self._one(runtime, case, reports.get(case.task_id or ""))
        except GraceError as error:
            runtime.log.warning("baselines.wait", error=error.detail, baselines=len(cases))
            return False
        return True

    async def _one(self, runtime: Runtime, case: BaselineCase, report: Report | None) -> None:
        if case.task_spec is None:
            reading = await self._sources.measure(case.measurement)
            async with runtime.unit() as unit:
                await self._settle(unit, case, settle_reading(reading, now=await unit.now()))
            return
        decision = settle(report)
        if isinstance(decision, Unsubmitted):
            await self._submit(runtime, case, case.task_spec)
            return
        async with runtime.unit() as unit:
            await self._settle(unit, case, decision)

    async def _settle(self, unit: Unit, case: BaselineCase, decision: Settled) -> None:
        benchmarks = Benchmarks(unit.tx)
        match decision:
            case Unsubmitted() | Waiting():
                await benchmarks.rest(case, pause=self._settings.poll_interval)
            case Failed(reason):
                await benchmarks.fail(case, reason)
            case Stored(measured, measured_at):
                # What was measured while something was wrong must not pass for healthy.
                if await self._was_troubled(unit, case):
                    await benchmarks.fail(case, "a mission was opened during the measurement")
                else:
                    await benchmarks.store(case, measured, measured_at=measured_at)

    async def _was_troubled(self, unit: Unit, case: BaselineCase) -> bool:
        """Whether a mission was open at any time of the measurement, also one that has ended."""
        missions = Missions(unit.tx)
        return await missions.is_troubled(case.target) or await missions.was_troubled(
            case.target, since=case.started_at
        )

    async def _submit(self, runtime: Runtime, case: BaselineCase, task_spec: bytes) -> None:
        (answer,) = await submit_all(runtime, [task_spec])
        async with runtime.unit() as unit:
            benchmarks = Benchmarks(unit.tx)
            match answer:
                case Taken(task_id):
                    pause = self._settings.poll_interval
                    await benchmarks.submit(case, task_id=task_id, pause=pause)
                case Declined(why):
                    await benchmarks.fail(case, why)
