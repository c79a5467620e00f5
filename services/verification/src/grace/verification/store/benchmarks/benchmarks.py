"""Measurements that were kept: baselines, and what was measured after actions and reverts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from grace.kit import Query, Record, Transaction
from grace.verification.domain.contract import Baseline, Measurement
from grace.verification.domain.state import State, numbers, shown_state
from grace.verification.store.benchmarks.statements import QUERIES

_MOST_FIELDS = 1000  # what a contract carries


@dataclass(frozen=True, slots=True)
class BaselineCase:
    """A baseline that is being measured."""

    benchmark_id: str
    tenant_id: str
    target: str
    operation: str
    params: str
    timeout_ms: int
    definition: str | None  # what its target stands for; None: not asked yet, or nobody knows
    task_spec: bytes | None  # None: measured by verification itself
    task_id: str | None
    version: int
    started_at: datetime
    seen_at: datetime

    @property
    def measurement(self) -> Measurement:
        """What is measured."""
        return Measurement(self.operation, self.target, self.params, self.timeout_ms)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A measurement of a contract; `measured` is None where it could not be taken."""

    benchmark_id: str
    kind: str
    contract_id: str
    tenant_id: str
    measurement: Measurement
    measured: State | None
    reason: str | None


class Sought(NamedTuple):
    """A baseline from before an incident, of a place where it is known."""

    tenant_id: str
    measurement: Measurement
    before: datetime
    definition: str | None


class Benchmarks:
    """Benchmarks, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert(self, found: Sequence[Benchmark]) -> None:
        """Keep measurements of contracts."""
        values = [_values(each.measured) for each in found]
        await self._tx.execute(
            QUERIES["insert_benchmarks"],
            benchmark_ids=[each.benchmark_id for each in found],
            tenant_ids=[each.tenant_id for each in found],
            kinds=[each.kind for each in found],
            contract_ids=[each.contract_id for each in found],
            targets=[each.measurement.target for each in found],
            operations=[each.measurement.operation for each in found],
            params=[each.measurement.params for each in found],
            timeouts=[each.measurement.timeout_ms for each in found],
            measured=[_json(each.measured) for each in found],
            fields=[json.dumps(list(each)) for each in values],
            numbers=[json.dumps(list(each.values())) for each in values],
            reasons=[each.reason for each in found],
        )

    async def begin_baseline(
        self,
        baseline_id: str,
        *,
        tenant_id: str,
        measurement: Measurement,
        requested_by: str,
        task_spec: bytes | None,
    ) -> None:
        """A baseline is to be measured; it is due at once."""
        await self._tx.execute(
            QUERIES["insert_baseline"],
            benchmark_id=baseline_id,
            tenant_id=tenant_id,
            target=measurement.target,
            operation=measurement.operation,
            params=measurement.params,
            timeout_ms=measurement.timeout_ms,
            requested_by=requested_by,
            task_spec=task_spec,
        )

    async def claim_baselines(self, *, most: int, claim_for: timedelta) -> list[BaselineCase]:
        """Take the baselines that are due."""
        rows = await self._tx.fetch(QUERIES["claim_baselines"], most=most, claim_for=claim_for)
        return [BaselineCase(**dict(row)) for row in rows]

    async def place(self, case: BaselineCase, definition: str, *, task_spec: bytes) -> bool:
        """What the target stands for is known, and the task says so; False when it has moved on."""
        query = QUERIES["place_baseline"]
        return await self._move(query, case, definition=definition, task_spec=task_spec)

    async def submit(self, case: BaselineCase, *, task_id: str, pause: timedelta) -> bool:
        """The measurement is htm's; False when the baseline has moved on."""
        return await self._move(QUERIES["submit_baseline"], case, task_id=task_id, pause=pause)

    async def rest(self, case: BaselineCase, *, pause: timedelta) -> bool:
        """Look at the baseline later; False when something has happened meanwhile."""
        return await self._move(QUERIES["rest_baseline"], case, pause=pause)

    async def store(self, case: BaselineCase, measured: State, *, measured_at: datetime) -> bool:
        """The baseline is measured; False when it has moved on."""
        values = _values(measured)
        return await self._move(
            QUERIES["store_baseline"],
            case,
            measured=_json(measured),
            fields=list(values),
            numbers=list(values.values()),
            measured_at=measured_at,
        )

    async def fail(self, case: BaselineCase, reason: str) -> bool:
        """The baseline cannot be measured; False when it has moved on."""
        return await self._move(QUERIES["fail_baseline"], case, reason=reason)

    async def nudge(self, task_ids: Sequence[str]) -> bool:
        """Look at once at the baselines of these tasks; whether there are any."""
        return bool(await self._tx.fetch(QUERIES["nudge_baselines"], task_ids=list(task_ids)))

    async def newest_before(
        self, wanted: Sequence[Sought]
    ) -> tuple[datetime, list[Baseline | None]]:
        """Return the moment, and the newest baseline of each measurement from before its incident.

        Of this very one: what other parameters measured has the same fields and means something else.
        """
        rows = await self._tx.fetch(
            QUERIES["newest_baselines"],
            tenant_ids=[each.tenant_id for each in wanted],
            targets=[each.measurement.target for each in wanted],
            operations=[each.measurement.operation for each in wanted],
            params=[each.measurement.params for each in wanted],
            before=[each.before for each in wanted],
            definitions=[each.definition for each in wanted],
        )
        return rows[0]["drafted_at"], [_baseline_of(row) for row in rows]

    async def _move(self, query: Query, case: BaselineCase, **values: object) -> bool:
        found = await self._tx.fetchval(
            query, benchmark_id=case.benchmark_id, version=case.version, **values
        )
        return found is not None


def _baseline_of(row: Record) -> Baseline | None:
    if row["benchmark_id"] is None:
        return None
    return Baseline(row["benchmark_id"], values_of(row), row["measured_at"])


def values_of(row: Record) -> Mapping[str, float]:
    """Return the measured numbers of a row."""
    return dict(zip(row["fields"], row["numbers"], strict=True))


def _values(measured: State | None) -> dict[str, float]:
    found = numbers(measured) if measured is not None else {}
    return dict(list(found.items())[:_MOST_FIELDS])


def _json(measured: State | None) -> str | None:
    return json.dumps(shown_state(measured)) if measured is not None else None
