"""The administrator's connections, which outlive the tests: two for each database.

A connection dies with its event loop, and what stands outside of tests has loops of its own. Each new one costs
Postgres a process that knows no table yet, which is most of what it takes to empty a database.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from grace.testkit.rewind import AS_EYES, AS_REPLICA, rewind

if TYPE_CHECKING:
    from grace.stack.installation import Installation

T = TypeVar("T")
_HIRED: dict[Path, Administrator] = {}
_LOST = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


def administrator_of(installation: Installation) -> Administrator:
    """The one of this installation."""
    if installation.root not in _HIRED:
        _HIRED[installation.root] = Administrator(installation)
    return _HIRED[installation.root]


def dismiss_administrator(installation: Installation) -> None:
    """Close its connections, if it has an administrator."""
    hired = _HIRED.pop(installation.root, None)
    if hired is not None:
        hired.close()


class Administrator:
    """Asks the databases of one installation from a thread of its own, where its event loop runs."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._eyes: dict[str, _Line] = {}
        # Apart: to change the role of a session is to forget the plans of all its statements.
        self._brooms: dict[str, _Line] = {}

    async def rows(
        self, database: str, schema: str, query: str, arguments: tuple[object, ...]
    ) -> list[asyncpg.Record]:
        """What a statement finds in a schema; one question at a time."""
        if database not in self._eyes:
            self._eyes[database] = _Line(self._installation, database, first=AS_EYES)
        return await self._asked(self._eyes[database].rows(schema, query, arguments))

    async def rewound(self, database: str, *, but: Collection[int]) -> bool:
        """Whether the database is as new. Every session in it is ended, but those with these process ids."""
        if database not in self._brooms:
            self._brooms[database] = _Line(self._installation, database, first=AS_REPLICA)
        return await self._asked(self._brooms[database].rewound(self._installation.names, but))

    async def forget(self, database: str) -> None:
        """Close what leads to a database that will be dropped."""
        for lines in (self._eyes, self._brooms):
            if database in lines:
                await self._asked(lines.pop(database).close())

    def close(self) -> None:
        """Close every connection and end the thread."""
        for line in (*self._eyes.values(), *self._brooms.values()):
            asyncio.run_coroutine_threadsafe(line.close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _asked(self, question: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, self._loop))


class _Line:
    """A connection to one database, made anew when it was lost; one question at a time."""

    def __init__(self, installation: Installation, database: str, *, first: str) -> None:
        self._installation = installation
        self._database = database
        self._first = first
        self._one_at_a_time = asyncio.Lock()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._schema = ""

    async def rows(
        self, schema: str, query: str, arguments: tuple[object, ...]
    ) -> list[asyncpg.Record]:
        async with self._one_at_a_time:
            connection = await self._connected()
            if schema != self._schema:
                await connection.execute(f"SET search_path TO {schema}")
                self._schema = schema
            found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return found

    async def rewound(self, schemas: list[str], spared: Collection[int]) -> bool:
        """The test may have cut the connection, by a restart of Postgres for one."""
        async with self._one_at_a_time:
            try:
                return await rewind(await self._connected(), schemas, spared)
            except _LOST:
                await self._closed()
                return await rewind(await self._connected(), schemas, spared)

    async def close(self) -> None:
        async with self._one_at_a_time:
            await self._closed()

    async def _connected(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._installation.admin(self._database)
            self._schema = ""
            await self._connection.execute(self._first)
        return self._connection

    async def _closed(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        try:
            await connection.close(timeout=2)
        except (TimeoutError, *_LOST, asyncpg.PostgresError):
            connection.terminate()
