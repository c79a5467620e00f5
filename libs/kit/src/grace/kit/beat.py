"""The beat of a service: every few seconds it says how it is. That one is missing is the news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import TYPE_CHECKING

from grace.contracts.observability import HealthBeat
from grace.kit.database import TRANSIENT
from grace.kit.ids import new_id
from grace.kit.prompt import Prompt
from grace.kit.sql import Queries

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

QUERIES = Queries.beside(__file__)
# A busy pool may take a moment; a beat that waits for longer would be late itself.
_DB_SECONDS = 3.0
# Beyond this it is bad in any case, and counting rows costs time: that many may be any number.
MOST_COUNTED = 10_000
_MOST_PROBLEMS = 100
_MOST_MS = 2**32 - 1
_NONE = timedelta(0)
# Identity may start anew meanwhile; what is longer does not end by itself.
_LOG_PATIENCE = timedelta(minutes=1)
_UNLOGGED = "the log has lacked what it told for more than a minute"


@dataclass(frozen=True, slots=True)
class Behind:
    """What waits: messages in quarantine, the oldest unsent one, the oldest that the log lacks."""

    quarantined: int = 0
    waited: timedelta = _NONE
    unlogged: timedelta = _NONE


class Beat:
    """Says how this process of a service is."""

    def __init__(self) -> None:
        """Be one instance from now on."""
        self._instance = str(new_id())
        # What could not be measured is no zero: that would end alerts, and begin others later.
        self._behind = Behind()
        self._look: Prompt[Behind] | None = None

    async def tick(self, runtime: Runtime) -> bool:
        """Send one beat. It may be lost, the next one will do."""
        problems = runtime.problems()
        try:
            self._behind = await self._looked(runtime)
        except TRANSIENT as error:
            problems = [*problems, f"postgres: {type(error).__name__}"]
        is_ready, behind = not problems, self._behind
        problems = [*problems, *chain(*runtime.complaints.values())]
        if behind.unlogged > _LOG_PATIENCE:
            problems = [*problems, _UNLOGGED]  # it can work all the same
        beat = HealthBeat(
            service=runtime.name,
            instance=self._instance,
            version=_version(runtime.name),
            ready=is_ready,
            problems=tuple(problem[:500] for problem in problems[:_MOST_PROBLEMS]),
            quarantined=behind.quarantined,
            outbox_lag_ms=_milliseconds(behind.waited),
            interval_ms=max(1, _milliseconds(runtime.settings.beat_interval)),
            at=datetime.now(UTC),
        )
        await runtime.signal(beat)
        return False

    async def _looked(self, runtime: Runtime) -> Behind:
        """How it is behind. A beat that waited for a slow Postgres would itself be late."""
        if self._look is None:
            self._look = Prompt(partial(_look_behind, runtime), within=_DB_SECONDS)
        return await self._look.answer()


async def _look_behind(runtime: Runtime) -> Behind:
    if not hasattr(runtime, "pool"):  # a service without a schema
        return Behind()
    async with runtime.reading() as tx:
        row = await tx.fetchrow(QUERIES["look_behind"], most=MOST_COUNTED)
    if row is None:
        return Behind()
    return Behind(row["quarantined"], row["waited"] or _NONE, row["unlogged"] or _NONE)


def _milliseconds(waited: timedelta) -> int:
    return min(_MOST_MS, max(0, waited // timedelta(milliseconds=1)))


def _version(service: str) -> str:
    try:
        return version(f"grace-{service}").replace("+", "-")
    except PackageNotFoundError:
        return "unknown"
