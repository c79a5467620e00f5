"""What goes wrong at the target, for real: a forgotten transaction, and a report that runs away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from grace.kit import Transaction
from grace.stack.demo.roles import Role
from grace.stack.demo.target import QUERIES, Connection, Target
from grace.stack.demo.waiting import beside

_CONNECT_SECONDS = 5.0
_PAUSE = 0.4  # seconds between two runs of the report


class ForgottenTransaction:
    """A session that has locked what all need and then does nothing."""

    def __init__(self, connection: Connection) -> None:
        """Take the session that idles in its transaction."""
        self.begun = time.monotonic()
        self.ended: float | None = None  # when somebody ended the session
        connection.add_termination_listener(self._on_end)

    def _on_end(self, _: object) -> None:
        self.ended = time.monotonic()


@asynccontextmanager
async def forgotten_transaction(target: Target) -> AsyncIterator[ForgottenTransaction]:
    """Lock the rows that every client needs, and forget to commit, for the length of the block."""
    connection = await _connect(target, "careless-shell")
    try:
        await connection.execute("BEGIN")
        await Transaction(connection).execute(QUERIES["hold_branches"])
        yield ForgottenTransaction(connection)
    finally:
        connection.terminate()


class RunawayReport:
    """A report that somebody runs again and again, until it fails."""

    def __init__(self) -> None:
        """Nothing has failed yet."""
        self.begun = time.monotonic()
        self.failure: str | None = None

    async def run(self, target: Target) -> None:
        """Run it until it fails; whoever runs it then gives up."""
        while self.failure is None:
            await self._once(target)
            await asyncio.sleep(_PAUSE)

    async def _once(self, target: Target) -> None:
        connection = await _connect(target, "careless-report")
        try:
            await Transaction(connection).fetchval(QUERIES["report_everything"])
        except asyncpg.PostgresError as error:
            self.failure = f"{error.sqlstate} {error}"
        finally:
            await _close(connection)


@asynccontextmanager
async def runaway_report(target: Target) -> AsyncIterator[RunawayReport]:
    """Run the report, each time in a session of its own, for the length of the block."""
    report = RunawayReport()
    async with beside(report.run(target)):
        yield report


async def _connect(target: Target, name: str) -> Connection:
    return await asyncpg.connect(
        **target.login(Role.CARELESS),
        timeout=_CONNECT_SECONDS,
        server_settings={"application_name": name},
    )


async def _close(connection: Connection) -> None:
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        await connection.close(timeout=_CONNECT_SECONDS)
