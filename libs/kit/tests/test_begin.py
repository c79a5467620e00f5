"""Transactions that begin with their first statement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import pytest

from grace.kit import Runtime, database
from grace.kit.begin import transaction
from grace.kit.sql import Queries

if TYPE_CHECKING:
    from grace.kit.database import Connection

QUERIES = Queries("""
-- transaction --
SELECT CAST(pg_current_xact_id() AS text);

-- hold --
SELECT CAST(pg_advisory_xact_lock(42) AS text);

-- held --
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

-- take --
SELECT CAST(:number AS integer);

-- divide --
SELECT 1 / CAST(:number AS integer);
""")


@pytest.fixture
async def connection(verification: Runtime) -> AsyncIterator[Connection]:
    connection = await database.connect("verification", verification.settings)
    yield connection
    await connection.close()


async def test_statements_of_a_block_are_one_transaction(connection: Connection) -> None:
    seen = []
    for _ in range(2):  # the second time the statements are known to the connection
        async with transaction(connection) as tx:
            seen += [await tx.fetchval(QUERIES["transaction"]) for _ in range(2)]
            await tx.execute(QUERIES["hold"])
            assert await tx.fetchval(QUERIES["held"]) == 1
        assert await connection.fetchval(QUERIES["held"].text) == 0
    assert seen[0] == seen[1] != seen[2] == seen[3]


async def test_the_beginning_costs_no_round_trip_and_no_statement_costs_none(
    connection: Connection,
) -> None:
    asked = connection._protocol.queries_count
    async with transaction(connection):
        pass
    assert connection._protocol.queries_count == asked
    async with transaction(connection) as tx:
        await tx.fetchval(QUERIES["take"], number=1)
    assert connection._protocol.queries_count == asked + 2  # the statement and COMMIT


@pytest.mark.parametrize("wrong", ["no number", 2**40])
async def test_what_cannot_be_sent_leaves_a_connection_that_works(
    connection: Connection, wrong: object
) -> None:
    await connection.fetchval(QUERIES["take"].text, 1)
    with pytest.raises(asyncpg.DataError):
        async with transaction(connection) as tx:
            await tx.fetchval(QUERIES["take"], number=wrong)
    assert not connection.is_in_transaction()
    async with transaction(connection) as tx:
        assert await tx.fetchval(QUERIES["take"], number=7) == 7


async def test_a_failed_transaction_is_not_taken_for_one_that_was_committed(
    connection: Connection,
) -> None:
    async def go_on_after_a_failure() -> None:
        async with transaction(connection) as tx:
            with suppress(asyncpg.DivisionByZeroError):
                await tx.fetchval(QUERIES["divide"], number=0)

    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await go_on_after_a_failure()
    assert not connection.is_in_transaction()


async def test_a_lost_connection_is_told_as_what_it_is(
    connection: Connection, verification: Runtime
) -> None:
    await connection.fetchval(QUERIES["take"].text, 1)
    connection.terminate()
    with pytest.raises(ConnectionResetError), database.lost_connections():
        async with transaction(connection) as tx:
            await tx.fetchval(QUERIES["take"], number=1)
    async with verification.unit() as unit:
        assert await unit.tx.fetchval(QUERIES["take"], number=1) == 1
