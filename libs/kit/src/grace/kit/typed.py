"""Connections that ask Postgres once per process what its own types are, not once each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection

# Types below are made by initdb under the numbers of pg_type.dat: the same in every database of a
# server version (FirstNormalObjectId in src/include/access/transam.h).
_FIRST_OF_USERS = 16384
# What a type consists of, as asyncpg's introspection answers, by the type's number.
_KNOWN: dict[int, list[asyncpg.Record]] = {}


class _Asked:
    """Takes the place of the statement that asked, where none was needed."""

    name = "known"


class TypedConnection(Base):
    """An asyncpg connection that shares what is known of the server's own types.

    asyncpg keeps that per connection and asks for it at the first array of each type; in a service
    whose pool breathes these questions cost more than the statements they were asked for.
    """

    async def _introspect_types(
        self, typeoids: Iterable[int], timeout: float | None
    ) -> tuple[list[asyncpg.Record], Any]:
        found: dict[int, asyncpg.Record] = {}
        statement: Any = _Asked
        for oid in typeoids:
            rows = _KNOWN.get(oid)
            if rows is None:
                rows, statement = await super()._introspect_types([oid], timeout)  # type: ignore[misc]
                if oid < _FIRST_OF_USERS:
                    _KNOWN[oid] = rows
            found.update((row["oid"], row) for row in rows)
        return list(found.values()), statement
