"""The two loads on the target: one that keeps its sessions, one that connects for each purchase.

Both are programs of their own: how busy Grace is must not show in what the target gets done.
"""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from grace.stack.demo.roles import Role
from grace.stack.demo.target import SCALE, Target
from grace.stack.demo.waiting import in_thread
from grace.stack.errors import StackError
from grace.stack.processes import Child, last_lines

# Transactions a second: a fraction of what two cores can do, so that busy neighbours do not
# look like an incident.
PGBENCH_RATE = 300
PURCHASE_RATE = 10
_LATE = "200"  # milliseconds; pgbench skips what is later instead of catching up after a stall
_LONGEST = "3600"  # seconds; it is stopped long before
_STOP_SECONDS = 5.0
_SHOP = Path(__file__).with_name("shop.py")


class Load:
    """A program that uses the target until it is stopped."""

    def __init__(self, child: Child) -> None:
        """Nothing runs before `start`."""
        self._child = child

    @property
    def pid(self) -> int:
        """The program's process id. StackError when it does not run."""
        return self._child.pid

    def start(self) -> None:
        """Start it; blocks for milliseconds. StackError when it cannot be executed."""
        self._child.start()

    def stop(self) -> None:
        """Stop it by SIGINT. Nobody reads what it may have printed about itself."""
        self._child.stop(signal.SIGINT, signal.SIGTERM, within=_STOP_SECONDS)

    def check(self) -> None:
        """Raise StackError with its last words when it has ended by itself."""
        if not self._child.running:
            raise StackError(f"the load ended: {last_lines(self._child.log)}")


def pgbench(target: Target) -> AbstractAsyncContextManager[Load]:
    """Run load one for the length of the block: throttled TPC-B on four sessions that stay open."""
    throttle = ["-R", str(PGBENCH_RATE), "-L", _LATE]
    child = Child(
        "pgbench",
        [str(target.server.binary("pgbench")), "-n", "-c", "4", "-T", _LONGEST, *throttle],
        log=target.folder / "pgbench.log",
        account=target.server.placement.account,
        environment=target.environment(Role.SHOP),
    )
    return _running(Load(child))


def purchases(target: Target) -> AbstractAsyncContextManager[Load]:
    """Run load two for the length of the block: every purchase is a session of its own."""
    child = Child(
        "shop",
        [sys.executable, "-I", str(_SHOP), str(PURCHASE_RATE), str(SCALE)],
        log=target.folder / "shop.log",
        environment=target.environment(Role.SHOP),
    )
    return _running(Load(child))


@asynccontextmanager
async def _running(load: Load) -> AsyncIterator[Load]:
    try:
        await in_thread(load.start)
        yield load
    finally:
        await in_thread(load.stop)
