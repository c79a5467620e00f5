"""A transaction that begins with its first statement: BEGIN goes in front of it, in the same packet.

asyncpg sends BEGIN by itself and waits for the answer, which is a round trip of every transaction. The
protocol asks for none: Parse, Bind and Execute without a Sync are answered with what follows them. Where
no statement follows nothing is sent at all.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from grace.kit.sql import Transaction

if TYPE_CHECKING:
    from grace.kit.database import AnyConnection


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


# Of the unnamed statement in the unnamed portal, which whatever comes next may take for itself.
BEGIN = (
    _message(b"P", b"\0BEGIN\0\0\0")
    + _message(b"B", b"\0\0" + bytes(6))
    + _message(b"E", b"\0" + bytes(4))
)


@asynccontextmanager
async def transaction(connection: AnyConnection) -> AsyncIterator[Transaction]:
    """Commits at the end of the block, where a statement was sent; rolls back what fails."""
    begun = _Begun(connection)
    try:
        yield Transaction(connection, before=begun.begin)
    except BaseException:
        await begun.end("ROLLBACK")
        raise
    await begun.end("COMMIT")


class _Begun:
    """Whether a connection was told to begin."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection: Any = connection
        self._is_begun = False

    def begin(self) -> None:
        """Say so once, before the first statement; nobody else writes in between, for nobody waits."""
        # A connection that is gone says so itself at the statement.
        if self._is_begun or self._connection.is_closed():
            return
        self._is_begun = True
        try:
            self._connection._transport.write(BEGIN)  # noqa: SLF001
        except RuntimeError as error:  # uvloop's word for a socket that was just closed
            raise ConnectionResetError(str(error)) from error

    async def end(self, how: str) -> None:
        """COMMIT or ROLLBACK. A failed transaction is never taken for one that was committed."""
        if not self._is_begun or (how == "ROLLBACK" and self._connection.is_closed()):
            return
        if await self._connection.execute(how) != how:
            raise asyncpg.InFailedSQLTransactionError(
                f"{how}: the transaction had failed, and a handler went on"
            )
