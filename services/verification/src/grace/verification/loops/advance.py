"""Moves every contract one step further: facts, decision, guarded change, message."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from grace.kit import GraceError, Runtime
from grace.verification.domain.advance import next_step, on_refused
from grace.verification.domain.decision import Decision, Submit, Wait
from grace.verification.domain.facts import Limits
from grace.verification.domain.task import Report
from grace.verification.loops.crash import name_of
from grace.verification.loops.queue import Declined, Taken, reports_of, submit
from grace.verification.loops.steps import Steps
from grace.verification.settings import Settings
from grace.verification.store import Case, Contracts


class Advance:
    """Level-based: whatever happened, and however often, the next step follows from the facts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = Limits(measure_within=settings.measure_within)

    async def tick(self, runtime: Runtime) -> bool:
        """Advance the contracts that are due; True when one of them moved."""
        async with runtime.unit() as unit:
            cases = await Contracts(unit.tx).claim(
                most=self._settings.advance_most, claim_for=self._settings.claim_for
            )
            now = await unit.now()
        if not cases:
            return False
        try:
            reports = await reports_of(runtime, [case.task_id for case in cases if case.task_id])
        except GraceError as error:
            runtime.log.warning("advance.waits", error=error.detail, contracts=len(cases))
            return False
        return await self._all(runtime, cases, reports, now)

    async def _all(
        self,
        runtime: Runtime,
        cases: list[Case],
        reports: Mapping[str, Report],
        now: datetime,
    ) -> bool:
        """Advance each on its own: one that fails does not hold up the others."""
        done = await asyncio.gather(
            *(self._one(runtime, case, reports.get(case.task_id or ""), now) for case in cases),
            return_exceptions=True,
        )
        for found in done:
            if isinstance(found, BaseException):
                raise found
        return any(found is True for found in done)

    async def _one(
        self, runtime: Runtime, case: Case, report: Report | None, now: datetime
    ) -> bool:
        decision = next_step(case.facts, report, now=now, limits=self._limits)
        if isinstance(decision, Submit):
            return await self._submit(runtime, case)
        return await self._obey(runtime, case, decision)

    async def _submit(self, runtime: Runtime, case: Case) -> bool:
        assert case.task_spec is not None  # noqa: S101 - whoever wants a task has stored it
        runtime.crash_point(f"submit_{case.facts.step}.before")
        try:
            answer = await submit(runtime, case.task_spec, correlation_id=case.correlation_id)
        except GraceError as error:
            runtime.log.warning("submit.waits", contract_id=case.contract_id, error=error.detail)
            return False
        match answer:
            case Taken():
                runtime.crash_point(f"submit_{case.facts.step}.taken")
                async with runtime.unit(correlation_id=case.correlation_id) as unit:
                    await Steps(unit, case, self._settings).submitted(answer)
                runtime.crash_point(f"submit_{case.facts.step}.after")
                return True
            case Declined(why, may_exist):
                decision = on_refused(case.facts, why, may_exist=may_exist)
                return await self._obey(runtime, case, decision)

    async def _obey(self, runtime: Runtime, case: Case, decision: Decision) -> bool:
        async with runtime.unit(correlation_id=case.correlation_id) as unit:
            await Steps(unit, case, self._settings).obey(decision)
            runtime.crash_point(f"{name_of(decision)}.before")
        runtime.crash_point(f"{name_of(decision)}.after")
        return not isinstance(decision, Wait)
