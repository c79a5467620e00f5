"""Takes baselines: submits their measurement, waits for it, stores what came."""

from grace.contracts.worker import ValidateAction
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
from grace.verification.domain.contract import Measurement
from grace.verification.domain.task import Report
from grace.verification.loops.queue import Declined, Taken, reports_of, submit_all
from grace.verification.loops.sources import Sources
from grace.verification.settings import Settings
from grace.verification.store import BaselineCase, Benchmarks, Missions
from grace.verification.store.orders import placed_order


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

    async def _place(self, runtime: Runtime, case: BaselineCase, task_spec: bytes) -> bool:
        """Find what the target stands for: a baseline is one of a place, not of a name.

        True where the task can go as it is: it says so already, or the worker knows no such target, which
        it will tell as the reason.
        """
        if case.definition is not None:
            return True
        try:
            definition = (await runtime.call(_question(case.measurement))).definition
        except GraceError as error:
            await self._wait(
                runtime, case, f"no worker says where {case.target} is: {error.detail}"
            )
            return False
        if definition is None:
            return True
        async with runtime.unit() as unit:
            placed = placed_order(task_spec, definition)
            await Benchmarks(unit.tx).place(case, definition, task_spec=placed)
            unit.after_commit(lambda: runtime.wake(Baselines))
        return False

    async def _wait(self, runtime: Runtime, case: BaselineCase, reason: str) -> None:
        async with runtime.unit() as unit:
            if case.seen_at > case.started_at + self._settings.measure_within:
                await Benchmarks(unit.tx).fail(case, reason)
            else:
                await Benchmarks(unit.tx).rest(case, pause=self._settings.poll_interval)

    async def _submit(self, runtime: Runtime, case: BaselineCase, task_spec: bytes) -> None:
        if not await self._place(runtime, case, task_spec):
            return
        (answer,) = await submit_all(runtime, [task_spec])
        async with runtime.unit() as unit:
            benchmarks = Benchmarks(unit.tx)
            match answer:
                case Taken(task_id):
                    pause = self._settings.poll_interval
                    await benchmarks.submit(case, task_id=task_id, pause=pause)
                case Declined(why):
                    await benchmarks.fail(case, why)


def _question(measurement: Measurement) -> ValidateAction:
    return ValidateAction(
        operation=measurement.operation, target=measurement.target, params=measurement.params
    )
