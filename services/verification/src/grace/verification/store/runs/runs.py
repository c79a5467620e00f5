"""What is held against the golden baselines, and what came of it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from grace.contracts.verification import BenchmarkCheck, BenchmarkDrift, BenchmarkRun
from grace.kit import Query, Record, Transaction
from grace.verification.domain.contract import Measurement
from grace.verification.domain.state import read_measured
from grace.verification.domain.suite import TAKES, Checked, Golden, Suite
from grace.verification.domain.verdict import Reading
from grace.verification.store.runs.statements import QUERIES
from grace.verification.store.takes.takes import reading_of_row


@dataclass(frozen=True, slots=True)
class Ordered:
    """One take of a run; `task_spec` is None where verification measures it itself."""

    take_id: str
    baseline_id: str
    number: int
    measurement: Measurement
    task_spec: bytes | None


@dataclass(frozen=True, slots=True)
class GoldenOrder:
    """A baseline that is to be held against; `definition` is what its target stood for, where that is known."""

    baseline_id: str
    measurement: Measurement
    definition: str | None


@dataclass(frozen=True, slots=True)
class DueRun:
    """A run that is being measured."""

    run_id: str
    suite: Suite
    tolerance: float
    baseline_ids: Sequence[str]
    version: int


class Runs:
    """Runs, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def goldens(self, tenant_id: str, target: str | None, *, most: int) -> list[GoldenOrder]:
        """Return the newest baseline of each measurement."""
        rows = await self._tx.fetch(
            QUERIES["goldens"], tenant_id=tenant_id, target=target, most=most
        )
        return [
            GoldenOrder(row["benchmark_id"], _measurement(row), row["definition"]) for row in rows
        ]

    async def begin(
        self,
        run_id: str,
        ordered: Sequence[Ordered],
        *,
        tenant_id: str,
        suite: Suite,
        tolerance: float,
        requested_by: str,
        within: timedelta,
        apart: timedelta,
    ) -> None:
        """A run is due at once, its takes one after the other."""
        await self._tx.execute(
            QUERIES["insert_run"],
            run_id=run_id,
            tenant_id=tenant_id,
            suite=suite,
            tolerance=tolerance,
            requested_by=requested_by,
            baseline_ids=list(dict.fromkeys(each.baseline_id for each in ordered)),
        )
        await self._tx.execute(
            QUERIES["insert_run_takes"],
            run_id=run_id,
            tenant_id=tenant_id,
            measure_within=within,
            apart=apart,
            take_ids=[each.take_id for each in ordered],
            measures=[each.baseline_id for each in ordered],
            numbers=[each.number for each in ordered],
            operations=[each.measurement.operation for each in ordered],
            targets=[each.measurement.target for each in ordered],
            params=[each.measurement.params for each in ordered],
            timeouts=[each.measurement.timeout_ms for each in ordered],
            task_specs=[each.task_spec for each in ordered],
        )

    async def claim(self, *, most: int, claim_for: timedelta) -> list[DueRun]:
        """Take the runs that are due."""
        rows = await self._tx.fetch(QUERIES["claim_runs"], most=most, claim_for=claim_for)
        return [DueRun(**{**dict(row), "suite": Suite(row["suite"])}) for row in rows]

    async def readings(self, run: DueRun) -> list[tuple[Golden, list[Reading | None]]]:
        """Return each golden baseline of a run with what its takes brought."""
        found: defaultdict[str, dict[int, Reading | None]] = defaultdict(dict)
        for row in await self._tx.fetch(QUERIES["run_takes"], run_id=run.run_id):
            found[row["measure"]][row["number"]] = reading_of_row(row)
        rows = await self._tx.fetch(QUERIES["run_goldens"], baseline_ids=list(run.baseline_ids))
        takes = range(1, TAKES[run.suite] + 1)
        return [
            (_golden(row), [found[row["benchmark_id"]].get(number) for number in takes])
            for row in rows
        ]

    async def rest(self, run: DueRun, *, pause: timedelta) -> bool:
        """Come back later; False when it has moved on."""
        return await self._move(QUERIES["rest_run"], run, pause=pause)

    async def end(self, run: DueRun, status: str, checks: Sequence[Checked]) -> bool:
        """The run is judged; False when it has moved on."""
        told = [_check(each).model_dump(mode="json") for each in checks]
        return await self._move(QUERIES["end_run"], run, status=status, checks=json.dumps(told))

    async def view(self, tenant_id: str, run_id: str) -> BenchmarkRun | None:
        """Return one run as it is told, or None."""
        row = await self._tx.fetchrow(QUERIES["run"], tenant_id=tenant_id, run_id=run_id)
        if row is None:
            return None
        checks = json.loads(row["checks"]) if row["checks"] else []
        return BenchmarkRun(
            run_id=row["run_id"],
            suite=row["suite"],
            status=row["status"],
            tolerance=row["tolerance"],
            baselines=row["baselines"],
            checks=tuple(BenchmarkCheck.model_validate(each) for each in checks),
            started_at=row["started_at"],
            ended_at=row["ended_at"],
        )

    async def _move(self, query: Query, run: DueRun, **values: object) -> bool:
        found = await self._tx.fetchval(query, run_id=run.run_id, version=run.version, **values)
        return found is not None


def _check(checked: Checked) -> BenchmarkCheck:
    golden = checked.golden
    return BenchmarkCheck(
        target=golden.measurement.target,
        operation=golden.measurement.operation,
        baseline_id=golden.baseline_id,
        outcome=checked.outcome,
        why=checked.why[:1000],
        drifts=tuple(
            BenchmarkDrift(
                field=each.field,
                golden=each.golden,
                measured=each.measured,
                drift=each.drift,
                holds=each.holds,
            )
            for each in checked.drifts[:100]
        ),
    )


def _golden(row: Record) -> Golden:
    return Golden(row["benchmark_id"], _measurement(row), read_measured(row["measured"]) or {})


def _measurement(row: Record) -> Measurement:
    return Measurement(row["operation"], row["target"], row["params"], row["timeout_ms"])
