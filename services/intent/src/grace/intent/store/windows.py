"""Errors that are too few for a mission so far, and errors that are over."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from grace.intent.domain.mesh import Pending
from grace.intent.domain.signal import Group
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction


class Windows:
    """The times of errors that do not count yet, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def lock(self, fingerprints: Sequence[str]) -> dict[str, Sequence[datetime]]:
        """Return and lock what is remembered; fingerprints come sorted."""
        rows = await self._tx.fetch(QUERIES["lock_windows"], fingerprints=fingerprints)
        return {row["fingerprint"]: row["times"] for row in rows}

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
            expires_at=expires,
        )

    async def forget(self) -> int:
        """Delete what can count no more; return how many."""
        return await self._tx.execute(QUERIES["forget_windows"])

    async def end(self, over: Mapping[str, datetime]) -> None:
        """Note that errors are over, where no plan stands yet."""
        await self._tx.execute(
            QUERIES["end_errors"], fingerprints=list(over), over_at=list(over.values())
        )


def _expiry(found: Group | Pending, now: datetime) -> datetime:
    return found.expires_at if isinstance(found, Pending) else now
