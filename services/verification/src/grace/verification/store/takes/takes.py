"""When each measure of a plan is taken, and what came."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from grace.kit import Query, Record, Transaction
from grace.verification.domain.contract import Baseline, Contract, Measure, Measurement
from grace.verification.domain.lifecycle import Status
from grace.verification.domain.source import OPERATIONS
from grace.verification.domain.state import shown_state
from grace.verification.domain.tally import Take, samples
from grace.verification.domain.verdict import Measured, Reading, Unmeasured
from grace.verification.store.cases import Case
from grace.verification.store.takes.statements import QUERIES


@dataclass(frozen=True, slots=True)
class Ordered:
    """One take as it is to be made; `task_spec` is None where verification measures it itself."""

    take_id: str
    measure: Measure
    number: int
    task_spec: bytes | None


@dataclass(frozen=True, slots=True)
class DueTake:
    """A take that is due. `is_wanted`: its contract still waits for it."""

    take_id: str
    contract_id: str | None  # None: it belongs to a run of benchmarks
    measurement: Measurement
    task_spec: bytes | None
    task_id: str | None
    version: int
    deadline: datetime
    is_wanted: bool
    seen_at: datetime


class Takes:
    """Takes, inside one transaction. Each change is guarded by the version that was read."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert(
        self, contract: Contract, ordered: Sequence[Ordered], *, look: int, within: timedelta
    ) -> None:
        """The takes of a contract begin to fall due from now on."""
        await self._tx.execute(
            QUERIES["insert_takes"],
            contract_id=contract.contract_id,
            tenant_id=contract.tenant_id,
            look=look,
            measure_within=within,
            take_ids=[each.take_id for each in ordered],
            measures=[each.measure.name for each in ordered],
            numbers=[each.number for each in ordered],
            operations=[each.measure.measurement.operation for each in ordered],
            targets=[each.measure.measurement.target for each in ordered],
            params=[each.measure.measurement.params for each in ordered],
            timeouts=[each.measure.measurement.timeout_ms for each in ordered],
            task_specs=[each.task_spec for each in ordered],
            due_after=[each.measure.due_after(each.number) for each in ordered],
        )

    async def claim(self, *, by_source: bool, most: int, claim_for: timedelta) -> list[DueTake]:
        """Take the takes that are due."""
        rows = await self._tx.fetch(
            QUERIES["claim_takes"], by_source=by_source, most=most, claim_for=claim_for
        )
        return [_due(row) for row in rows]

    async def submit(self, take: DueTake, *, task_id: str, pause: timedelta) -> bool:
        """The take is htm's; False when it has moved on."""
        return await self._move(QUERIES["submit_take"], take, task_id=task_id, pause=pause)

    async def rest(self, take: DueTake, *, pause: timedelta) -> bool:
        """Look at the take later; False when something has happened meanwhile."""
        return await self._move(QUERIES["rest_take"], take, pause=pause)

    async def end(self, take: DueTake, reading: Reading) -> bool:
        """The take is in; False when it has moved on."""
        if isinstance(reading, Measured):
            text = json.dumps(shown_state(reading.state))
            return await self._end(take, "measured", measured=text)
        return await self._end(take, "failed", reason=reading.why)

    async def drop(self, take: DueTake) -> bool:
        """Nobody wants the take any more; False when it has moved on."""
        return await self._end(take, "dropped", reason="its contract was decided without it")

    async def nudge(self, task_ids: Sequence[str]) -> bool:
        """Look at once at the takes of these tasks; whether there are any."""
        return bool(await self._tx.fetch(QUERIES["nudge_takes"], task_ids=list(task_ids)))

    async def of(self, contract_ids: Sequence[str], *, look: int) -> dict[str, list[Take]]:
        """Return the takes of contracts in one of their rounds."""
        found: defaultdict[str, list[Take]] = defaultdict(list)
        for row in await self._tx.fetch(
            QUERIES["takes"], contract_ids=list(contract_ids), look=look
        ):
            found[row["contract_id"]].append(_take(row))
        return found

    async def baseline(
        self, measure: Measure, *, tenant_id: str, before: datetime, definition: str | None
    ) -> Baseline | None:
        """Return what a measure showed before a moment, with the samples that its tests need."""
        wanted = measure.measurement
        row = await self._tx.fetchrow(
            QUERIES["measure_baseline"],
            tenant_id=tenant_id,
            target=wanted.target,
            operation=wanted.operation,
            params=wanted.params,
            before=before,
            definition=definition,
        )
        return _baseline(row, measure) if row else None

    async def _end(
        self, take: DueTake, status: str, *, measured: str | None = None, reason: str | None = None
    ) -> bool:
        return await self._move(
            QUERIES["end_take"], take, status=status, measured=measured, reason=reason
        )

    async def _move(self, query: Query, take: DueTake, **values: object) -> bool:
        found = await self._tx.fetchval(query, take_id=take.take_id, version=take.version, **values)
        return found is not None


async def with_takes(tx: Transaction, cases: Sequence[Case]) -> list[Case]:
    """Add to the facts of contracts that are being measured what their takes brought."""
    wanted = [
        case.contract_id
        for case in cases
        if case.facts.status is Status.MEASURING and case.contract.action.measures
    ]
    if not wanted:
        return list(cases)
    found = await Takes(tx).of(wanted, look=0)
    return [
        replace(case, facts=replace(case.facts, takes=tuple(found.get(case.contract_id, ()))))
        for case in cases
    ]


def is_own(measure: Measure) -> bool:
    """Whether verification takes a measure itself, without a task."""
    return measure.measurement.operation in OPERATIONS


def _take(row: Record) -> Take:
    return Take(row["measure"], row["number"], reading_of_row(row))


def reading_of_row(row: Record) -> Reading | None:
    """Return what a take brought; None while it may still come."""
    match row["status"]:
        case "due":
            return None
        case "measured":
            return Measured(json.loads(row["measured"]))
        case _:
            return Unmeasured(row["reason"] or "it was not taken")


def _baseline(row: Record, measure: Measure) -> Baseline:
    measured = json.loads(row["measured"])
    tested = {each.field: samples(measured.get(each.field)) for each in measure.distributions}
    return Baseline(
        row["benchmark_id"],
        dict(zip(row["fields"], row["numbers"], strict=True)),
        row["measured_at"],
        {field: values for field, values in tested.items() if values},
    )


def _due(row: Record) -> DueTake:
    return DueTake(
        take_id=row["take_id"],
        contract_id=row["contract_id"],
        measurement=Measurement(row["operation"], row["target"], row["params"], row["timeout_ms"]),
        task_spec=row["task_spec"],
        task_id=row["task_id"],
        version=row["version"],
        deadline=row["deadline"],
        is_wanted=row["is_wanted"],
        seen_at=row["seen_at"],
    )
