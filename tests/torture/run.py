"""One run from its seed to its judgement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from load.apart import Grounds
from torture import checker, evidence, orders, plan, world
from torture.books import Books
from torture.checker import Figures, Finding
from torture.fleet import Fleet, Member
from torture.forger import Forger
from torture.limits import Samples, sample, set_limits
from torture.oracle import Oracle
from torture.orders import Order
from torture.plan import Fault
from torture.sabotage import Sabotage
from torture.submitter import Submitter
from torture.tormentor import Done, Tormentor

from grace.kit import ServiceSettings, end_tasks, logs
from grace.stack import streams
from grace.stack.installation import Installation

_LOOK_SECONDS = 0.2
_STALL_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of it."""

    tasks: int
    faults: int
    htms: int
    hands: int
    slots: int
    lease: float  # seconds
    capacity: int  # less than there are slots, so that work runs into it
    # Seconds after the last fault; what is not done by then counts as unfinished.
    patience: float = checker.MOST_DRAIN_SECONDS
    # Each wave of work begins when the one before the last has ended.
    faults_of_a_wave: int = 8
    # The faults of a wave are over before the next one begins: each meets work, and all who do it.
    is_apart: bool = False


FULL = Sizes(tasks=20_000, faults=320, htms=3, hands=4, slots=8, lease=4.0, capacity=24)
SHORT = Sizes(tasks=150, faults=18, htms=2, hands=2, slots=8, lease=2.0, capacity=12)


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    seed: int
    sizes: Sizes
    sabotage: Sabotage | None
    seconds: float
    figures: Figures
    findings: tuple[Finding, ...]
    done: Sequence[Done]
    starts: Mapping[str, int]
    # How processes ended that nobody killed; a worker is also killed by what it carries out.
    ends: Mapping[str, Sequence[int]]

    @property
    def breaches(self) -> list[Finding]:
        """What may not be."""
        return [finding for finding in self.findings if finding.is_breach]


async def torture(
    grounds: Grounds, sizes: Sizes, seed: int, *,
    sabotage: Sabotage | None = None, faults: Sequence[Fault] | None = None,
) -> Result:  # fmt: skip
    """Run the plan of a seed, let the work end, and judge."""
    begun, books, oracle = time.monotonic(), Books(), Oracle(grounds)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(oracle.close)
        await stack.enter_async_context(_world(oracle))
        await set_limits(oracle, sizes.capacity)
        await stack.enter_async_context(kept_streams(grounds.installation))
        began_at = await evidence.now(oracle)
        fleet = Fleet(_members(grounds, sizes, sabotage), grounds.folder)
        await stack.enter_async_context(fleet)
        submitter, forger = Submitter(grounds, books, seed), Forger(grounds, books, oracle)
        await stack.enter_async_context(submitter.open())
        await stack.enter_async_context(forger.open())
        tormentor = Tormentor(grounds, fleet, oracle, (submitter, forger), sizes.lease)
        story = Story(sizes, oracle, books, submitter, forger, tormentor)
        found = await story.tell(
            orders.draw(seed, sizes.tasks), faults or plan.draw(seed, sizes.faults), began_at
        )
    return Result(
        seed=seed,
        sizes=sizes,
        sabotage=sabotage,
        seconds=time.monotonic() - begun,
        figures=checker.figures(found),
        findings=checker.check(found),
        done=tormentor.done,
        starts={name: member.starts for name, member in fleet.members.items()},
        ends={name: member.ends for name, member in fleet.members.items() if member.ends},
    )


@dataclass(frozen=True, slots=True)
class Story:
    """Waves of work with faults in each, then quiet."""

    sizes: Sizes
    oracle: Oracle
    books: Books
    submitter: Submitter
    forger: Forger
    tormentor: Tormentor

    async def tell(
        self, wanted: Sequence[Order], faults: Sequence[Fault], began_at: datetime
    ) -> evidence.Evidence:
        """All of it; what is found at the end."""
        samples = Samples()
        sampling = asyncio.create_task(sample(self.oracle, samples))
        try:
            await self._waves(wanted, faults)
            await self.tormentor.finish()
            drained = await self._drained()
        finally:
            await end_tasks([sampling])
        return await evidence.gather(
            self.oracle, self.books,
            began_at=began_at, drained_after=drained, samples=samples,
        )  # fmt: skip

    async def _waves(self, wanted: Sequence[Order], faults: Sequence[Fault]) -> None:
        most = self.sizes.faults_of_a_wave
        waves = -(-len(faults) // most)
        size = -(-len(wanted) // waves)
        for number in range(waves):
            orders_of_it = wanted[number * size : (number + 1) * size]
            submitting = asyncio.create_task(self.submitter.submit(orders_of_it))
            for fault in faults[number * most : (number + 1) * most]:
                await self.tormentor.do(fault)
            await submitting
            if self.sizes.is_apart:
                await self.tormentor.finish()
            await self._at_most(size)

    async def _at_most(self, tasks: int) -> None:
        """Wait until so few are left; a house that stands still is judged as it stands."""
        deadline = time.monotonic() + _STALL_SECONDS
        while time.monotonic() < deadline:
            if await self.oracle.open_tasks() <= tasks:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _drained(self) -> float | None:
        """The seconds until nothing was left to do; None when it took too long."""
        begun = time.monotonic()
        while (after := time.monotonic() - begun) <= self.sizes.patience:
            if await self._is_done():
                return after
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _is_done(self) -> bool:
        """Whether every task has ended, everybody was told so, and all poison is put aside."""
        if await self.oracle.open_tasks() or await self.oracle.unsent():
            return False
        poison = set(self.books.poison)
        missing = poison - await self.oracle.quarantined(poison)
        if missing:
            await self.forger.repeat(missing)
            return False
        return await self.oracle.final_tasks() <= self.books.told.keys()


@asynccontextmanager
async def _world(oracle: Oracle) -> AsyncIterator[None]:
    await oracle.script(world.MAKE)
    try:
        yield
    finally:
        await oracle.script(world.REMOVE)


@asynccontextmanager
async def kept_streams(installation: Installation) -> AsyncIterator[None]:
    """What `grace nats apply --watch` does in a cluster: put lost streams back."""
    client = await streams.connect(
        installation.nats.url, str(installation.nats.seed_file("installer"))
    )
    stopping = asyncio.Event()
    keeping = asyncio.create_task(streams.keep(client, stopping, logs.logger("installer")))
    try:
        yield
    finally:
        stopping.set()
        await keeping
        await client.close()


def _members(grounds: Grounds, sizes: Sizes, sabotage: Sabotage | None) -> list[Member]:
    htm, hand = ["grace.htm"], ["torture.hand"]
    if sabotage is not None and sabotage.is_of_workers:
        hand = ["torture.sabotage", sabotage]
    elif sabotage is not None:
        htm = ["torture.sabotage", sabotage]
    names = [f"hand-{number}" for number in range(sizes.hands)]
    return [
        _member(grounds, "identity", "identity", ["grace.identity"], {}),
        *(_member(grounds, f"htm-{n}", "htm", [*htm], _quick(sizes)) for n in range(sizes.htms)),
        *(_hand(grounds, name, [*hand, name, str(sizes.slots), "0"]) for name in names),
    ]


def _quick(sizes: Sizes) -> dict[str, str]:
    """Short enough that what a dead worker held is claimed again within the run; and there are replicas."""
    return {
        "LEASE": f"PT{sizes.lease}S", "RETRY_FIRST": "PT0.2S", "RETRY_LONGEST": "PT1S",
        "RESCUE_INTERVAL": "PT0.2S", "EXPIRE_INTERVAL": "PT0.5S", "OUTBOX_INTERVAL": "PT0.2S",
    }  # fmt: skip


def _member(
    grounds: Grounds, name: str, service: str, arguments: list[str], changes: dict[str, str]
) -> Member:
    own = grounds.installation.environment(service, grounds.database)
    prefix = f"GRACE_{service.upper()}_"
    changed = {f"{prefix}{field}": value for field, value in changes.items()}
    member = Member(name, arguments, {})
    member.environment = {**own, **changed, f"{prefix}OPS_PORT": str(member.port)}
    return member


def _hand(grounds: Grounds, name: str, arguments: list[str]) -> Member:
    """The worker's user, role and key, without its settings."""
    values = grounds.installation.settings("worker", grounds.database)
    own = {
        f"GRACE_KIT_{field.upper()}": str(value)
        for field, value in values.items()
        if field in ServiceSettings.model_fields
    }
    member = Member(name, arguments, {})
    member.environment = {**own, "GRACE_KIT_OPS_PORT": str(member.port)}
    return member
