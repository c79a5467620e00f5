"""The outbox in pieces: over a week of rows one statement would run into its timeout, each time anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from grace.kit.sql import Queries

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

QUERIES = Queries.beside(__file__)
# A fifth of a second of changing them where the disk is quick: a slow one has time, too.
_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring rows, whose positions are above `after`; `age`: of the oldest."""

    after: int
    upto: int
    age: timedelta


async def pieces(runtime: Runtime) -> AsyncIterator[Piece]:
    """Yield what the outbox has, the oldest first; each piece is for a transaction of its own."""
    after = 0
    while True:
        async with runtime.reading() as tx:
            row = await tx.fetchrow(QUERIES["next_piece"], after=after, most=_ROWS)
        if row is None or row["upto"] is None:
            return
        yield Piece(after, row["upto"], row["age"])
        after = row["upto"]
