"""postgres.query: the numbers that one reading statement gives, with the credentials that only look."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from math import isfinite
from typing import ClassVar

import asyncpg
from pydantic import Field

from grace.worker.domain.failure import InvalidError, UnusableError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import Json, State
from grace.worker.kernels.operation import Context, Diff, Params, Role, Tier
from grace.worker.kernels.postgres.connection import connected

MOST_ROWS = 1000
MOST_COLUMNS = 100
# What a result says of itself: a column of that name would be hidden behind it.
_OWN_FIELDS = frozenset({"rows", "series"})
# What a statement is told when it would write, or is more than one.
_NO_READING = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.ActiveSQLTransactionError,
    asyncpg.NoActiveSQLTransactionError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.DataError,
)


class QueryParams(Params):
    """`query`: one statement that reads; names in it are qualified, the search path is empty."""

    query: str = Field(min_length=1, max_length=16_384)


class Query:
    """Runs one statement in a read-only transaction. It only observes."""

    name: ClassVar[str] = "postgres.query"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[QueryParams]] = QueryParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: QueryParams) -> timedelta:
        """The server's own limit of a statement, and as much for connecting."""
        return timedelta(seconds=15)

    async def observe(self, ctx: Context, params: QueryParams) -> State:
        """Return the numbers of the only row, and each column's numbers over all rows."""
        if ctx.role is not Role.OBSERVE:
            raise InvalidError("a query runs with the credentials that observe")
        try:
            return summary(await _rows(ctx, params.query))
        except _NO_READING as error:
            raise UnusableError(f"the query does not only read, or cannot run: {error}") from error

    async def plan(self, ctx: Context, _: QueryParams) -> Diff:
        """Return nothing: it changes nothing."""
        return Diff(ctx.target.id)


async def _rows(ctx: Context, query: str) -> list[asyncpg.Record]:
    """Fetch through a prepared statement, which is one statement, in a transaction that is undone."""
    async with connected(ctx) as connection:
        transaction = connection.transaction(readonly=True, isolation="repeatable_read")
        await transaction.start()
        try:
            statement = await connection.prepare(query)
            check_columns([each.name for each in statement.get_attributes()])
            cursor = await statement.cursor()
            return list(await cursor.fetch(MOST_ROWS + 1))
        finally:
            await transaction.rollback()


def check_columns(names: Sequence[str]) -> None:
    """Refuse a result whose numbers could not be told apart, or from what is said of it."""
    if not names:
        raise UnusableError("the query gives no rows: it is no statement that reads")
    twice = {name for name in names if names.count(name) > 1}
    for name in sorted(twice | _OWN_FIELDS.intersection(names)):
        raise UnusableError(f"the query names a column {name!r}, which is taken: call it otherwise")


def summary(rows: Sequence[asyncpg.Record]) -> State:
    """Return the fields of a result. Columns that are no numbers are left out.

    With several rows there is no one number, only `series`; too many rows are no measurement.
    """
    if len(rows) > MOST_ROWS:
        raise UnusableError(f"the query gives more than {MOST_ROWS} rows: aggregate them")
    columns = list(rows[0].keys())[:MOST_COLUMNS] if rows else []
    series: dict[str, Json] = {}
    for column in columns:
        found = [number(row[column]) for row in rows]
        if any(each is not None for each in found):
            series[column] = found
    fields = {name: number(rows[0][name]) for name in series} if len(rows) == 1 else {}
    return {**fields, "rows": len(rows), "series": series}


def number(value: object) -> float | int | None:
    """Return a finite number, or None for anything else; true is not 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    found = float(value) if isinstance(value, Decimal) else value
    return found if isfinite(found) else None
