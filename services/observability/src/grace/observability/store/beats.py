"""The beats of processes, and the windows in which the growth of quarantines is counted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from grace.kit import Record, Transaction
from grace.observability.domain.growth import Growth
from grace.observability.domain.health import Beat
from grace.observability.store.statements import QUERIES


@dataclass(frozen=True, slots=True)
class HeardBeat:
    """A beat as it came in, and how long ago by this process's clock."""

    service: str
    instance: str
    version: str
    ready: bool
    problems: tuple[str, ...]
    quarantined: int
    outbox_lag_ms: int
    interval: timedelta
    age: timedelta


class Beats:
    """Beats, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def store(self, beats: Sequence[HeardBeat]) -> None:
        """Keep the last beat of each process."""
        await self._tx.execute(
            QUERIES["store_beats"],
            services=[each.service for each in beats],
            instances=[each.instance for each in beats],
            versions=[each.version for each in beats],
            ready=[each.ready for each in beats],
            problems=[json.dumps(each.problems) for each in beats],
            quarantined=[each.quarantined for each in beats],
            lags=[each.outbox_lag_ms for each in beats],
            intervals=[each.interval for each in beats],
            ages=[each.age for each in beats],
        )

    async def read(self) -> list[Beat]:
        """Return the last beat of every process."""
        return [_beat(row) for row in await self._tx.fetch(QUERIES["read_beats"])]

    async def forget(self, retention: timedelta) -> None:
        """Drop processes that ended long ago."""
        await self._tx.execute(QUERIES["forget_beats"], retention=retention)

    async def growths(self) -> Mapping[str, Growth]:
        """Return the window of each service's quarantine."""
        rows = await self._tx.fetch(QUERIES["read_marks"])
        return {
            row["service"]: Growth(row["service"], row["mark"], row["marked_at"], row["grown"])
            for row in rows
        }

    async def move(self, growths: Iterable[Growth]) -> None:
        """Write windows down."""
        moved = list(growths)
        await self._tx.execute(
            QUERIES["move_marks"],
            services=[each.service for each in moved],
            marks=[each.mark for each in moved],
            marked_at=[each.marked_at for each in moved],
            grown=[each.grown for each in moved],
        )


def _beat(row: Record) -> Beat:
    return Beat(
        service=row["service"],
        instance=row["instance"],
        version=row["version"],
        ready=row["ready"],
        problems=tuple(row["problems"]),
        quarantined=row["quarantined"],
        outbox_lag_ms=row["outbox_lag_ms"],
        heard_at=row["heard_at"],
        missed=float(row["missed"]),
    )
