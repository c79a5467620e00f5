"""postgres.activity: what a database gets done in a second, measured at the database itself."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import median
from time import monotonic
from typing import ClassVar

from pydantic import Field

from grace.kit import Transaction
from grace.worker.domain.failure import NotNowError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Context, Diff, Params, Tier
from grace.worker.kernels.postgres.connection import QUERIES, connected

# A healthy database has sessions that wait a millisecond for a row; who waits longer is stuck.
STUCK_SECONDS = 0.5
_APART_SECONDS = 1.0


class ActivityParams(Params):
    """How many full seconds count, after how many that do not."""

    seconds: int = Field(ge=1, le=60)
    warmup_seconds: int = Field(ge=0, le=30)


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters at one moment (`at`: monotonic seconds)."""

    at: float
    commits: int
    rollbacks: int
    sessions: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Second:
    """What happened between two samples."""

    length: float
    commits: int
    rollbacks: int
    sessions: int
    waiting: int


class Activity:
    """Samples pg_stat_database once a second. It only observes."""

    name: ClassVar[str] = "postgres.activity"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[ActivityParams]] = ActivityParams
    apply: None = None
    revert: None = None

    def time_needed(self, params: ActivityParams) -> timedelta:
        """The seconds themselves, and 10 for connecting to a busy server."""
        return timedelta(seconds=params.seconds + params.warmup_seconds + 10)

    async def observe(self, ctx: Context, params: ActivityParams) -> State:
        """Return throughput, error rate and stuck sessions."""
        samples = await _samples(ctx, count=params.warmup_seconds + params.seconds + 1)
        return summary(samples[params.warmup_seconds :])

    async def plan(self, ctx: Context, _: ActivityParams) -> Diff:
        """Return nothing: it changes nothing."""
        return Diff(ctx.target.id)


async def _samples(ctx: Context, *, count: int) -> list[Sample]:
    """Take samples a second apart, in one transaction so that they do not count themselves."""
    async with connected(ctx) as connection, connection.transaction():
        tx = Transaction(connection)
        begun = monotonic()
        found = []
        for second in range(count):
            await asyncio.sleep(begun + second * _APART_SECONDS - monotonic())
            found.append(await _sample(tx))
            ctx.tell(100 * (second + 1) // count, f"{second + 1} of {count} samples")
        return found


async def _sample(tx: Transaction) -> Sample:
    await tx.fetchval(QUERIES["forget_statistics"])
    row = await tx.fetchrow(QUERIES["sample_activity"], waited_seconds=STUCK_SECONDS)
    if row is None:
        raise NotNowError("the database has no statistics")
    return Sample(monotonic(), row["commits"], row["rollbacks"], row["sessions"], row["waiting"])


def summary(samples: list[Sample]) -> State:
    """Return what the samples say. `error_rate` is null when nothing happened: no data, no rate.

    Each new session counts one commit of its own, which is not work done.
    """
    seconds = [_second(a, b) for a, b in pairwise(samples)]
    rollbacks = sum(s.rollbacks for s in seconds)
    # A session and its own commit may fall on two sides of the window's edge.
    done = max(0, sum(s.commits - s.sessions for s in seconds)) + rollbacks
    return {
        "seconds": len(seconds),
        "throughput": median(max(0, s.commits - s.sessions) / s.length for s in seconds),
        "error_rate": rollbacks / done if done > 0 else None,
        "waiting": max(samples[-2].waiting, samples[-1].waiting),
        "series": {
            "commits": [s.commits for s in seconds],
            "rollbacks": [s.rollbacks for s in seconds],
            "sessions": [s.sessions for s in seconds],
            "waiting": [s.waiting for s in seconds],
        },
    }


def _second(a: Sample, b: Sample) -> Second:
    change = Second(
        length=b.at - a.at,
        commits=b.commits - a.commits,
        rollbacks=b.rollbacks - a.rollbacks,
        sessions=b.sessions - a.sessions,
        waiting=b.waiting,
    )
    if min(change.commits, change.rollbacks, change.sessions) < 0:
        raise NotNowError("the statistics of the database were reset during the measurement")
    return change
