"""The beat of a service: every few seconds it says how it is. That one is missing is the news."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from grace.contracts.observability import HealthBeat
from grace.kit.database import TRANSIENT
from grace.kit.ids import new_id
from grace.kit.sql import Queries

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

QUERIES = Queries.beside(__file__)
# A busy pool may take a moment; a beat that waits for longer would be late itself.
_DB_SECONDS = 3.0
# Beyond this it is bad in any case, and counting rows costs time.
_MOST_COUNTED = 10_000
_MOST_PROBLEMS = 100
_MOST_MS = 2**32 - 1


class Beat:
    """Says how this process of a service is."""

    def __init__(self) -> None:
        """Be one instance from now on."""
        self._instance = str(new_id())
        # What could not be measured is no zero: that would end alerts, and begin others later.
        self._measured = (0, 0)

    async def tick(self, runtime: Runtime) -> bool:
        """Send one beat. It may be lost, the next one will do."""
        problems = runtime.problems()
        try:
            self._measured = await _look_behind(runtime)
        except TRANSIENT as error:
            problems = [*problems, f"postgres: {type(error).__name__}"]
        quarantined, waited = self._measured
        beat = HealthBeat(
            service=runtime.name,
            instance=self._instance,
            version=_version(runtime.name),
            ready=not problems,
            problems=tuple(problem[:500] for problem in problems[:_MOST_PROBLEMS]),
            quarantined=quarantined,
            outbox_lag_ms=waited,
            interval_ms=max(1, _milliseconds(runtime.settings.beat_interval)),
            at=datetime.now(UTC),
        )
        await runtime.signal(beat)
        return False


async def _look_behind(runtime: Runtime) -> tuple[int, int]:
    """Messages in quarantine, and the milliseconds that the oldest unsent one has waited."""
    if not hasattr(runtime, "pool"):  # a service without a schema
        return 0, 0
    async with asyncio.timeout(_DB_SECONDS), runtime.reading() as tx:
        row = await tx.fetchrow(QUERIES["look_behind"], most=_MOST_COUNTED)
    if row is None:
        return 0, 0
    return row["quarantined"], _milliseconds(row["waited"] or timedelta(0))


def _milliseconds(waited: timedelta) -> int:
    return min(_MOST_MS, max(0, waited // timedelta(milliseconds=1)))


def _version(service: str) -> str:
    try:
        return version(f"grace-{service}").replace("+", "-")
    except PackageNotFoundError:
        return "unknown"
