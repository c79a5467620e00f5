"""Who reported the errors of missions, and for whom they are over."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from grace.intent.domain.ending import End
from grace.intent.domain.reporter import Watch
from grace.kit import Queries, Transaction
from grace.kit.sql import Record

QUERIES = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody reports the error of a mission that another one opened."""

    tenant_id: str
    mission_id: str
    principal: str


class Reporters:
    """The reporters of missions, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def renew(self, mission_ids: Sequence[str]) -> None:
        """Let missions be planned anew whose error was over, and is not for all."""
        await self._tx.execute(QUERIES["renew_missions"], mission_ids=mission_ids)

    async def end(self, ends: Sequence[End]) -> None:
        """Note for whom errors are over; no plan is made where they are for everybody."""
        fingerprints, over_at = [e.fingerprint for e in ends], [e.over_at for e in ends]
        await self._tx.execute(
            QUERIES["end_reports"],
            fingerprints=fingerprints,
            principals=[each.principal for each in ends],
            sources=[each.source for each in ends],
            instances=[each.instance for each in ends],
            over_at=over_at,
        )
        await self._tx.execute(QUERIES["end_errors"], fingerprints=fingerprints, over_at=over_at)

    async def over(self, mission_ids: Sequence[str]) -> Mapping[str, Mapping[Watch, datetime]]:
        """Return for whom the errors of missions are over, and since when."""
        rows = await self._tx.fetch(QUERIES["find_ends"], mission_ids=mission_ids)
        found: dict[str, dict[Watch, datetime]] = defaultdict(dict)
        for row in rows:
            found[row["mission_id"]][row["source"], row["instance"]] = row["over_at"]
        return found

    async def requesters(self, mission_ids: Collection[str]) -> Mapping[str, set[str]]:
        """Return who asks for missions, by a report or by an intent."""
        rows = await self._tx.fetch(QUERIES["mission_requesters"], mission_ids=list(mission_ids))
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            found[row["mission_id"]].add(row["principal"])
        return found

    async def carry(self, following: Mapping[str, str]) -> list[Joined]:
        """Let what ends do not answer be reported for the next missions; return who is new."""
        rows = await self._tx.fetch(
            QUERIES["carry_reports"],
            mission_ids=list(following),
            next_ids=list(following.values()),
        )
        return [_joined(row) for row in rows]


def _joined(row: Record) -> Joined:
    return Joined(row["tenant_id"], row["mission_id"], row["principal"])
