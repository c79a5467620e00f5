"""Judges the runs of benchmark suites once their takes are in."""

from grace.kit import Runtime, Unit
from grace.verification.domain.suite import check, outcome_of
from grace.verification.settings import Settings
from grace.verification.store.runs import DueRun, Runs


class JudgeRuns:
    """Level-based: what a run says follows from its takes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Judge the runs that are due; True when there were any."""
        async with runtime.reading() as tx:
            due = await Runs(tx).claim(
                most=self._settings.advance_most, claim_for=self._settings.claim_for
            )
        for run in due:
            async with runtime.unit() as unit:
                await self._one(unit, run)
        return False

    async def _one(self, unit: Unit, run: DueRun) -> None:
        runs = Runs(unit.tx)
        checks = [
            check(golden, readings, suite=run.suite, tolerance=run.tolerance)
            for golden, readings in await runs.readings(run)
        ]
        whole = [each for each in checks if each is not None]
        if len(whole) < len(checks):
            await runs.rest(run, pause=self._settings.poll_interval)
        else:
            await runs.end(run, outcome_of(whole), whole)
