"""The two incidents: which load, what goes wrong, and how it has to end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from grace.stack.demo import faults, loads, watch
from grace.stack.demo.target import Target
from grace.stack.demo.throughput import Throughput

_FLUSHED = 1.0  # seconds until a session that is held up has nothing left to report
_STANDSTILL = 0.05  # of the rate: autovacuum goes on, and its transactions count
_CERTAIN = 2  # seconds at a standstill; one may be chance


@dataclass(frozen=True, slots=True)
class Hurt:
    """When the target was hurt, in monotonic seconds; both ends are full seconds inside."""

    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong right now."""

    begun: float
    hurt: Callable[[Throughput], Hurt | None]  # None until it is over
    shows: Callable[[Throughput], bool]  # whether a person would see it at the target by now


@dataclass(frozen=True, slots=True)
class Plot:
    """One incident."""

    name: str
    title: str
    load_in_words: str
    fault_in_words: str
    kind: str
    verdict: str
    rate: float  # transactions a second when all is well
    load: Callable[[Target], AbstractAsyncContextManager[loads.Load]]
    fault: Callable[[Target], AbstractAsyncContextManager[Trouble]]


@asynccontextmanager
async def _forgotten(target: Target) -> AsyncIterator[Trouble]:
    async with faults.forgotten_transaction(target) as fault:

        def hurt(_: Throughput) -> Hurt | None:
            return None if fault.ended is None else Hurt(fault.begun + _FLUSHED, fault.ended)

        def shows(read: Throughput) -> bool:
            seconds = read.between(fault.begun + _FLUSHED, float("inf"))
            still = [s for s in seconds if s.throughput < _STANDSTILL * loads.PGBENCH_RATE]
            return len(still) >= _CERTAIN

        yield Trouble(fault.begun, hurt, shows)


@asynccontextmanager
async def _runaway(target: Target) -> AsyncIterator[Trouble]:
    healthy = await target.read_setting("statement_timeout")
    async with faults.runaway_report(target) as fault:

        def hurt(read: Throughput) -> Hurt | None:
            """While the setting was another one: it is the remedy that hurts here."""
            since = read.between(fault.begun, float("inf"))
            lowered = [second.ended for second in since if second.setting != healthy]
            if not lowered or since[-1].setting != healthy:
                return None
            return Hurt(lowered[0], lowered[-1])

        yield Trouble(fault.begun, hurt, lambda _: True)


BLOCKED_SESSIONS = Plot(
    name="blocked-sessions",
    title="First incident: a forgotten transaction",
    load_in_words=f"pgbench, 4 sessions, {loads.PGBENCH_RATE} transactions a second",
    fault_in_words="careless updates all branches, does not commit, and goes to lunch",
    kind=watch.BLOCKED,
    verdict="verified",
    rate=loads.PGBENCH_RATE,
    load=loads.pgbench,
    fault=_forgotten,
)
RUNAWAY_QUERIES = Plot(
    name="runaway-queries",
    title="Second incident: a remedy that is worse",
    load_in_words=f"a shop that connects for each of {loads.PURCHASE_RATE} purchases a second, "
    "with one honestly slow statement",
    fault_in_words="careless runs a report over all accounts, again and again",
    kind=watch.RUNAWAY,
    verdict="rolled_back",
    rate=loads.PURCHASE_RATE,
    load=loads.purchases,
    fault=_runaway,
)
PLOTS = (BLOCKED_SESSIONS, RUNAWAY_QUERIES)
