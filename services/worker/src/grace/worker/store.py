"""Every statement of the worker's own schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from grace.kit import Queries, Record, Transaction
from grace.resilience.breaker import Snapshot
from grace.worker.domain.capability import Act, Step
from grace.worker.domain.receipt import Claimant, Done, Receipt
from grace.worker.domain.state import State, digest, state_of, text_of

QUERIES = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a receipt, in which process, and for how long it may be acting."""

    who: Claimant
    worker_id: str
    held_for: timedelta


@dataclass(frozen=True, slots=True)
class StoredBreaker:
    """A breaker at rest; `idle`: the seconds since it was stored."""

    kernel: str
    target: str
    snapshot: Snapshot
    idle: float


class Store:
    """Statements inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Use the transaction of a unit."""
        self._tx = tx

    async def read_receipt(self, action_id: str, step: Step) -> Receipt | None:
        """Return the receipt of an effect and lock its row."""
        row = await self._tx.fetchrow(QUERIES["read_receipt"], action_id=action_id, step=step)
        return _receipt(row) if row else None

    async def open_receipt(
        self, act: Act, act_hash: str, holder: Holder, *, identity: UUID, before: State
    ) -> bool:
        """Commit the before-state and the intent; False when a receipt is there already."""
        text = text_of(before)
        row = await self._tx.fetchrow(
            QUERIES["open_receipt"],
            action_id=act.action_id,
            step=act.step,
            id=identity,
            tenant_id=act.tenant_id,
            contract_id=act.contract_id,
            operation=act.operation,
            target=act.target,
            params=act.params,
            act_hash=act_hash,
            before_state=text,
            before_hash=digest(text),
            task_id=holder.who.task_id,
            attempt_number=holder.who.attempt_number,
            worker_id=holder.worker_id,
            held_for=holder.held_for,
        )
        return row is not None

    async def take_over_receipt(self, act: Act, holder: Holder) -> bool:
        """Make an open receipt this attempt's; False when it may not have it (any more)."""
        row = await self._tx.fetchrow(
            QUERIES["take_over_receipt"],
            action_id=act.action_id,
            step=act.step,
            task_id=holder.who.task_id,
            attempt_number=holder.who.attempt_number,
            worker_id=holder.worker_id,
            held_for=holder.held_for,
        )
        return row is not None

    async def complete_receipt(self, act: Act, who: Claimant, done: Done) -> bool:
        """Store result and after-state; False when another attempt took the receipt over."""
        row = await self._tx.fetchrow(
            QUERIES["complete_receipt"],
            action_id=act.action_id,
            step=act.step,
            task_id=who.task_id,
            attempt_number=who.attempt_number,
            result=text_of(done.result),
            after_state=text_of(done.after),
        )
        return row is not None

    async def close_contracts(self, contract_ids: Sequence[str], at: Sequence[datetime]) -> None:
        """Keep which contracts are closed."""
        await self._tx.execute(
            QUERIES["close_contracts"], contract_ids=list(contract_ids), closed_at=list(at)
        )

    async def is_contract_closed(self, contract_id: str) -> bool:
        """Return whether a contract is closed."""
        closed: bool = await self._tx.fetchval(
            QUERIES["is_contract_closed"], contract_id=contract_id
        )
        return closed

    async def read_breakers(self) -> list[StoredBreaker]:
        """Return all breakers."""
        return [_breaker(row) for row in await self._tx.fetch(QUERIES["read_breakers"])]

    async def store_breaker(self, kernel: str, target: str, snapshot: Snapshot) -> None:
        """Keep a breaker; the last one stored counts."""
        await self._tx.execute(QUERIES["store_breaker"], kernel=kernel, target=target, **snapshot)


def _receipt(row: Record) -> Receipt:
    complete = row["result"] is not None
    return Receipt(
        id=row["id"],
        act_hash=row["act_hash"],
        task_id=row["task_id"],
        attempt_number=row["attempt_number"],
        before=state_of(row["before_state"]),
        held_until=row["held_until"],
        done=Done(state_of(row["result"]), state_of(row["after_state"])) if complete else None,
    )


def _breaker(row: Record) -> StoredBreaker:
    snapshot = Snapshot(
        state=row["state"],
        failures=row["failures"],
        elapsed=row["elapsed"],
        generation=row["generation"],
    )
    return StoredBreaker(row["kernel"], row["target"], snapshot, row["idle"])
