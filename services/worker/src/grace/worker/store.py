"""Every statement of the worker's own schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from grace.contracts.governance import SignedConsents
from grace.kit import Queries, Record, Safe, SafeError, Transaction
from grace.resilience.breaker import Snapshot
from grace.worker.domain.capability import Act, Step
from grace.worker.domain.failure import CorruptError
from grace.worker.domain.large import large_in
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
class Seen:
    """What is stored about an action, by the database's clock."""

    at: datetime
    receipts: Mapping[Step, Receipt]
    closed: bool


@dataclass(frozen=True, slots=True)
class StoredBreaker:
    """A breaker at rest; `idle`: the seconds since it was stored."""

    kernel: str
    target: str
    snapshot: Snapshot
    idle: float


class Receipts:
    """Effect receipts inside one transaction; the states in them are encrypted."""

    def __init__(self, tx: Transaction, safe: Safe) -> None:
        """Use the transaction of a unit and the worker's own safe."""
        self._tx = tx
        self._safe = safe

    async def look(self, act: Act) -> Seen:
        """Return the receipts of an act's action, by their steps."""
        rows = await self._tx.fetch(
            QUERIES["look_at_action"], action_id=act.action_id, contract_id=act.contract_id
        )
        found = {Step(row["step"]): row for row in rows if row["step"] is not None}
        return Seen(
            at=rows[0]["looked_at"],
            receipts={step: self._receipt(row, act.action_id, step) for step, row in found.items()},
            closed=rows[0]["closed"],
        )

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
            before_state=self._safe.close(text, place=_place(act.action_id, act.step, "before")),
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

    async def refuse_receipt(self, act: Act, who: Claimant) -> None:
        """Note that nothing was changed; nothing where another attempt has the receipt."""
        await self._tx.execute(
            QUERIES["refuse_receipt"],
            action_id=act.action_id,
            step=act.step,
            task_id=who.task_id,
            attempt_number=who.attempt_number,
        )

    async def complete_receipt(self, act: Act, who: Claimant, done: Done) -> bool:
        """Store result and after-state; False when another attempt took the receipt over."""
        row = await self._tx.fetchrow(
            QUERIES["complete_receipt"],
            action_id=act.action_id,
            step=act.step,
            task_id=who.task_id,
            attempt_number=who.attempt_number,
            result=self._safe.close(
                text_of(done.result), place=_place(act.action_id, act.step, "result")
            ),
            after_state=self._safe.close(
                text_of(done.after), place=_place(act.action_id, act.step, "after")
            ),
        )
        return row is not None

    def _receipt(self, row: Record, action_id: str, step: Step) -> Receipt:
        def state(column: str, word: str) -> State:
            return state_of(self._opened(row[column], _place(action_id, step, word)))

        before = self._opened(row["before_state"], _place(action_id, step, "before"))
        if digest(before) != row["before_hash"]:
            raise CorruptError
        complete = row["result"] is not None
        return Receipt(
            id=row["id"],
            act_hash=row["act_hash"],
            task_id=row["task_id"],
            attempt_number=row["attempt_number"],
            before=state_of(before),
            held_until=row["held_until"],
            refused=row["refused_at"] is not None,
            done=Done(state("result", "result"), state("after_state", "after"))
            if complete
            else None,
        )

    def _opened(self, text: str, place: str) -> str:
        return opened_state(self._safe, text, place)


def opened_state(safe: Safe, text: str, place: str) -> str:
    """Return a stored state's text. CorruptError for what does not open."""
    if text.startswith("{"):  # stored before states were encrypted
        return text
    try:
        return safe.open(text, place=place)
    except SafeError as error:
        raise CorruptError from error


@dataclass(frozen=True, slots=True)
class PutState:
    """A long state that was put long ago. `in_use`: its receipt refers to it, or cannot be read."""

    blob: str
    in_use: bool


class PutStates:
    """Which long states were put, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Use the transaction of a unit."""
        self._tx = tx

    async def note(self, blob: str, act: Act) -> None:
        """Keep that a state is about to be put."""
        await self._tx.execute(
            QUERIES["note_put_state"], blob_sha256=blob, action_id=act.action_id, step=act.step
        )

    async def settled(self, safe: Safe, *, keep: timedelta, most: int) -> list[PutState]:
        """Return some that were put before that, and of which is known whether they are needed."""
        rows = await self._tx.fetch(QUERIES["settled_states"], keep=keep, most=most)
        return [PutState(row["blob_sha256"], _is_in_use(row, safe)) for row in rows]

    async def forget(self, blobs: Sequence[str]) -> None:
        """Nothing more is to be found out about these."""
        await self._tx.execute(QUERIES["forget_put_states"], blobs=list(blobs))


def _is_in_use(row: Record, safe: Safe) -> bool:
    """Whether the receipt of a state refers to it; in doubt it does."""
    held = {"before": row["before_state"], "after": row["after_state"]}
    for word, text in held.items():
        if text is None:  # there is no receipt
            continue
        try:
            opened = opened_state(safe, text, _place(row["action_id"], row["step"], word))
        except CorruptError:
            return True
        large = large_in(state_of(opened))
        if large is not None and large.blob_sha256 == row["blob_sha256"]:
            return True
    return False


class Contracts:
    """Which contracts are closed, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Use the transaction of a unit."""
        self._tx = tx

    async def close_contracts(self, contract_ids: Sequence[str], at: Sequence[datetime]) -> None:
        """Keep which contracts are closed."""
        await self._tx.execute(
            QUERIES["close_contracts"], contract_ids=list(contract_ids), closed_at=list(at)
        )


class HeardConsents:
    """The list of consents that was heard last, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Use the transaction of a unit."""
        self._tx = tx

    async def read(self) -> SignedConsents | None:
        """Return the list as it was signed."""
        row = await self._tx.fetchrow(QUERIES["read_heard_consents"])
        return None if row is None else SignedConsents(**row)

    async def keep(self, signed: SignedConsents, *, issued_at: datetime) -> None:
        """Keep a list; a later one stays."""
        await self._tx.execute(
            QUERIES["keep_heard_consents"], **signed.model_dump(), issued_at=issued_at
        )


class Breakers:
    """The breakers of the targets, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Use the transaction of a unit."""
        self._tx = tx

    async def read_breakers(self) -> list[StoredBreaker]:
        """Return all breakers."""
        return [_breaker(row) for row in await self._tx.fetch(QUERIES["read_breakers"])]

    async def store_breaker(self, kernel: str, target: str, snapshot: Snapshot) -> None:
        """Keep a breaker; the last one stored counts."""
        await self._tx.execute(QUERIES["store_breaker"], kernel=kernel, target=target, **snapshot)


def _place(action_id: str, step: Step, word: str) -> str:
    return f"effect_receipts|{action_id}|{step}|{word}"


def _breaker(row: Record) -> StoredBreaker:
    snapshot = Snapshot(
        state=row["state"],
        failures=row["failures"],
        elapsed=row["elapsed"],
        generation=row["generation"],
    )
    return StoredBreaker(row["kernel"], row["target"], snapshot, row["idle"])
