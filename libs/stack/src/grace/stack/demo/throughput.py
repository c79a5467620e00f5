"""What the target gets done, second by second, as the target itself counts it."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from grace.kit import Transaction
from grace.stack.demo.roles import Role
from grace.stack.demo.target import DATABASE, MAINTENANCE, QUERIES, SETTING, Target
from grace.stack.errors import StackError

_BARS = "▁▂▃▄▅▆▇█"
_INTERVAL = 1.0  # seconds; busy sessions report their counters once a second, not sooner


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters at one moment; `at` is monotonic seconds."""

    at: float
    commits: int
    rollbacks: int
    sessions: int
    setting: str | None = None  # the raw statement_timeout of the database


@dataclass(frozen=True, slots=True)
class Second:
    """What was done between two samples."""

    begun: float
    ended: float
    commits: int
    rollbacks: int
    setting: str | None = None  # as it was at the end

    @property
    def throughput(self) -> float:
        """Commits a second."""
        return self.commits / (self.ended - self.begun)


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians of full seconds; `error_rate` is None where nothing was done at all."""

    seconds: int
    throughput: float
    error_rate: float | None


class Throughput:
    """All seconds since the reading began."""

    def __init__(self) -> None:
        """Nothing has been read yet."""
        self.seconds: list[Second] = []

    def between(self, begun: float, ended: float) -> list[Second]:
        """The seconds that lie wholly between two moments (monotonic seconds)."""
        return [s for s in self.seconds if s.begun >= begun and s.ended <= ended]

    async def follow(self, target: Target) -> None:
        """Read the target's counters once a second, until cancelled."""
        async with target.connected(Role.OBSERVE, MAINTENANCE) as connection:
            tx, begun = Transaction(connection), time.monotonic()
            last = await _sample(tx)
            for count in itertools.count(1):
                await asyncio.sleep(begun + count * _INTERVAL - time.monotonic())
                sample = await _sample(tx)
                self.seconds.append(second_between(last, sample))
                last = sample


def second_between(a: Sample, b: Sample) -> Second:
    """What was done between two samples; each new session counts one commit that is no work.

    StackError when the counters went back.
    """
    commits, rollbacks = b.commits - a.commits, b.rollbacks - a.rollbacks
    sessions = b.sessions - a.sessions
    if min(commits, rollbacks, sessions) < 0:
        raise StackError("somebody reset the statistics of the target: run the demonstration again")
    return Second(a.at, b.at, max(0, commits - sessions), rollbacks, b.setting)


def summary(seconds: Sequence[Second]) -> Summary:
    """Medians of full seconds. StackError when there is none."""
    if not seconds:
        raise StackError("the target's counters were not read in time: the machine is too busy")
    done = sum(s.commits + s.rollbacks for s in seconds)
    failed = sum(s.rollbacks for s in seconds)
    return Summary(
        seconds=len(seconds),
        throughput=round(median(s.throughput for s in seconds), 1),
        error_rate=round(failed / done, 4) if done else None,
    )


def sparkline(values: Sequence[float], *, top: float) -> str:
    """One bar for each value, from nothing to `top`, which is more than 0."""
    steps = len(_BARS) - 1
    return "".join(_BARS[round(steps * min(1.0, max(0.0, value / top)))] for value in values)


async def _sample(tx: Transaction) -> Sample:
    row = await tx.fetchrow(QUERIES["sample_counters"], database=DATABASE)
    if row is None:
        raise StackError("the target has no counters")
    setting = await tx.fetchval(QUERIES["read_setting"], name=SETTING, database=DATABASE)
    return Sample(time.monotonic(), row["commits"], row["rollbacks"], row["sessions"], setting)
