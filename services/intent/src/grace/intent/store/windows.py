"""Errors that are too few for a mission so far."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from grace.intent.domain.mesh import Pending
from grace.intent.domain.reporter import Report
from grace.intent.domain.signal import Group
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction


@dataclass(frozen=True, slots=True)
class Window:
    """When errors came that do not count yet, and who reported them."""

    times: Sequence[datetime]
    reports: Sequence[Report]


class Windows:
    """The times of errors that do not count yet, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def lock(self, fingerprints: Sequence[str]) -> dict[str, Window]:
        """Return and lock what is remembered; fingerprints come sorted."""
        rows = await self._tx.fetch(QUERIES["lock_windows"], fingerprints=fingerprints)
        return {row["fingerprint"]: Window(row["times"], _read(row["reports"])) for row in rows}

    async def store(self, ripened: Mapping[str, Group | Pending], now: datetime) -> None:
        """Remember those that are too few; forget what opened a mission."""
        kept = {
            key: found.times if isinstance(found, Pending) else () for key, found in ripened.items()
        }
        expires = [_expiry(found, now) for found in ripened.values()]
        await self._tx.execute(
            QUERIES["store_windows"],
            fingerprints=list(kept),
            times=[
                "{" + ",".join(f'"{at.isoformat()}"' for at in each) + "}" for each in kept.values()
            ],
            reports=[_written(found) for found in ripened.values()],
            expires_at=expires,
        )

    async def forget(self) -> int:
        """Delete what can count no more; return how many."""
        return await self._tx.execute(QUERIES["forget_windows"])


def _expiry(found: Group | Pending, now: datetime) -> datetime:
    return found.expires_at if isinstance(found, Pending) else now


def _written(found: Group | Pending) -> str:
    kept = found.reports if isinstance(found, Pending) else ()
    return json.dumps(
        [
            (one.principal, one.source, one.instance, str(one.fired_at), str(one.sent_at))
            for one in kept
        ]
    )


def _read(text: str) -> tuple[Report, ...]:
    return tuple(
        Report(
            principal,
            source,
            instance,
            datetime.fromisoformat(fired_at),
            datetime.fromisoformat(sent_at),
        )
        for principal, source, instance, fired_at, sent_at in json.loads(text)
    )
