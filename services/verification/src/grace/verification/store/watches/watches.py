"""When verified contracts are looked at again, and what was taken back."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.kit import Query, Transaction
from grace.verification.domain.watch import Look
from grace.verification.store.watches.statements import QUERIES


@dataclass(frozen=True, slots=True)
class DueWatch:
    """A late look that is due.

    `late_by`: since when it is due. `is_overtaken`: another mission has changed the target since;
    `is_in_hand`: one acts on it now.
    """

    contract_id: str
    look: int
    after: timedelta
    status: str
    version: int
    late_by: timedelta
    is_overtaken: bool
    is_in_hand: bool

    @property
    def elapsed(self) -> timedelta:
        """How long after the verdict it is."""
        return self.after + self.late_by


@dataclass(frozen=True, slots=True)
class Revised:
    """A contract's new verdict, as it was stored."""

    revision: int
    revised_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """A verdict that took the place of a contract's own."""

    contract_id: str
    revision: int
    verdict: str
    confidence: float
    reason: str
    revised_at: datetime


class Watches:
    """Late looks, inside one transaction. Each change is guarded by the version that was read."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def begin(self, contract_ids: Sequence[str], after: Sequence[timedelta]) -> None:
        """Look at contracts again, after each of these times: the last of a plan on each target."""
        await self._tx.execute(
            QUERIES["insert_watches"], contract_ids=list(contract_ids), after=list(after)
        )

    async def claim(self, *, most: int, claim_for: timedelta) -> list[DueWatch]:
        """Take the looks that are due."""
        rows = await self._tx.fetch(QUERIES["claim_watches"], most=most, claim_for=claim_for)
        return [DueWatch(**dict(row)) for row in rows]

    async def measure(self, watch: DueWatch, *, pause: timedelta) -> bool:
        """The look is being measured; False when it has moved on."""
        return await self._move(QUERIES["begin_watch"], watch, pause=pause)

    async def was_joined(self, watch: DueWatch) -> bool:
        """Whether another mission may have acted on the target since the look began."""
        found: bool = await self._tx.fetchval(
            QUERIES["was_joined"], contract_id=watch.contract_id, look=watch.look
        )
        return found

    async def rest(self, watch: DueWatch, *, pause: timedelta) -> bool:
        """Come back later; False when it has moved on."""
        return await self._move(QUERIES["rest_watch"], watch, pause=pause)

    async def end(
        self, watch: DueWatch, status: str, *, reason: str, confidence: float | None = None
    ) -> bool:
        """The look is done; False when it has moved on."""
        return await self._move(
            QUERIES["end_watch"], watch, status=status, reason=reason, confidence=confidence
        )

    async def end_others(self, watch: DueWatch, reason: str) -> None:
        """No other look at the contract is needed."""
        await self._tx.execute(
            QUERIES["end_other_watches"],
            contract_id=watch.contract_id,
            look=watch.look,
            reason=reason,
        )

    async def revise(self, contract_id: str, verdict: str, look: Look, *, reason: str) -> Revised:
        """Store the verdict that takes the place of a contract's own."""
        row = await self._tx.fetchrow(
            QUERIES["insert_revision"],
            contract_id=contract_id,
            verdict=verdict,
            confidence=look.confidence,
            actual_state=json.dumps(look.actual),
            reason=reason,
        )
        assert row is not None  # noqa: S101 - a watch has its contract
        return Revised(row["revision"], row["revised_at"])

    async def revisions(self, mission_ids: Sequence[str]) -> Mapping[str, list[Revision]]:
        """Return what later looks took back of missions."""
        found: defaultdict[str, list[Revision]] = defaultdict(list)
        for row in await self._tx.fetch(QUERIES["revisions"], mission_ids=list(mission_ids)):
            values = dict(row)
            found[values.pop("mission_id")].append(Revision(**values))
        return found

    async def subject_of(self, mission_id: str) -> tuple[str | None, str | None]:
        """Return kind and target of a mission."""
        row = await self._tx.fetchrow(QUERIES["watched_mission"], mission_id=mission_id)
        return (row["kind"], row["target"]) if row else (None, None)

    async def _move(self, query: Query, watch: DueWatch, **values: object) -> bool:
        found = await self._tx.fetchval(
            query,
            contract_id=watch.contract_id,
            look=watch.look,
            version=watch.version,
            **values,
        )
        return found is not None
