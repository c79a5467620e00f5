"""The stage: the target with everything that looks at it, set up for a block and gone after it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from grace.stack.demo import targets_file
from grace.stack.demo.target import ID, Target
from grace.stack.demo.throughput import Throughput
from grace.stack.demo.waiting import beside, in_thread
from grace.stack.demo.watch import Watcher, watching
from grace.stack.installation import Installation

_OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Stage:
    """A target that runs; loads and faults are brought by who uses it."""

    target: Target
    throughput: Throughput
    watcher: Watcher
    checks: tuple[Callable[[], None], ...]  # each raises when its part of the stage has failed


@asynccontextmanager
async def stage(installation: Installation) -> AsyncIterator[Stage]:
    """Start the target, tell Grace of it, read its throughput and watch it.

    At the end the target is stopped and Grace's registry forgets it. StackError says what failed.
    """
    target = Target(installation.root)
    try:
        await in_thread(target.start)
        await target.prepare()
        target.register(installation.targets_file)
        async with _observed(target, installation) as ready:
            yield ready
    finally:
        try:
            targets_file.forget(installation.targets_file, ID)
        finally:
            await in_thread(target.stop)


@asynccontextmanager
async def _observed(target: Target, installation: Installation) -> AsyncIterator[Stage]:
    read, nats = Throughput(), installation.nats
    async with (
        watching(target, nats.url, nats.seed_file(_OUTSIDE)) as watcher,
        beside(watcher.run()) as watch,
        beside(read.follow(target)) as reading,
    ):
        yield Stage(target, read, watcher, (watch.check, reading.check))
