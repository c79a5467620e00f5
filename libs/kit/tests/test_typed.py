"""What the server's own types are is asked once, whatever the number of connections."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from grace.kit import typed
from grace.kit.typed import TypedConnection
from grace.testkit import House

_ARRAYS = "SELECT CAST($1 AS uuid[]) AS ids, CAST($2 AS bytea[]) AS bodies"
_VALUES = ([uuid.UUID(int=1), uuid.UUID(int=2)], [b"a", b""])


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "_KNOWN", {})


@asynccontextmanager
async def _connected(house: House, asked: list[str]) -> AsyncIterator[TypedConnection]:
    server = house.installation.postgres
    connection = await asyncpg.connect(
        **server.connect_args(house.database), connection_class=TypedConnection
    )
    connection.add_query_logger(lambda record: asked.append(record.query))
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_second_connection_asks_nothing(house: House) -> None:
    for introspections in (2, 0, 0):
        asked: list[str] = []
        async with _connected(house, asked) as connection:
            assert tuple(await connection.fetchrow(_ARRAYS, *_VALUES)) == _VALUES
        assert sum("typeinfo_tree" in query for query in asked) == introspections


async def test_types_of_users_are_asked_each_time(house: House) -> None:
    """Another database, or another one tomorrow, may give their numbers to something else."""
    async with _connected(house, []) as connection:
        await connection.execute("CREATE SCHEMA shop; CREATE DOMAIN shop.size AS integer")
        await connection.execute("CREATE TYPE shop.box AS (wide shop.size, name text)")
        for _ in range(2):
            row = await connection.fetchval("SELECT CAST(ROW(3, 'x') AS shop.box)")
            assert tuple(row) == (3, "x")
        await connection.execute("DROP SCHEMA shop CASCADE")
    assert all(oid < 16384 for oid in typed._KNOWN)
