"""postgres.set_table_autovacuum: a table is vacuumed by itself again, or as it was before."""

from datetime import timedelta
from typing import ClassVar

import asyncpg

from grace.kit import Transaction
from grace.worker.domain.failure import ChangedError, InvalidError, UnusableError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Change, Context, Diff, NoParams, Result, Tier
from grace.worker.kernels.postgres.connection import QUERIES, looking, table_of
from grace.worker.kernels.postgres.table import is_off, read_table

_ON = "true"
_NOT_INSTALLED = (asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError)


class SetTableAutovacuum:
    """Turns autovacuum on for a table where it was turned off.

    Harmless: it is the server's own default, changes no row and no answer, and its lock lets
    readers and writers through.
    """

    name: ClassVar[str] = "postgres.set_table_autovacuum"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[NoParams]] = NoParams

    def time_needed(self, _: NoParams) -> timedelta:
        """Two connections and one short statement each."""
        return timedelta(seconds=20)

    async def observe(self, ctx: Context, _: NoParams) -> State:
        """Return the raw text that is set for the table, or null, and which table it is."""
        table = table_of(ctx)
        async with looking(ctx) as connection:
            row = await read_table(Transaction(connection), table)
        return {"autovacuum": _text(row), "oid": row["oid"]}

    async def plan(self, ctx: Context, params: NoParams) -> Diff:
        """Return the one parameter that would change, or nothing where it is on."""
        now = (ctx.before or await self.observe(ctx, params))["autovacuum"]
        if not is_off(now):
            return Diff(ctx.target.id)
        return Diff(ctx.target.id, (Change("autovacuum_enabled", now, _ON),))

    async def apply(self, ctx: Context, _: NoParams) -> Result:
        """Turn it on, if it is still what the receipt holds; what is on stays as it is."""
        before = _text(ctx.before or {})
        if not is_off(before):
            return {"autovacuum": before, "replaced": before}
        return await _compare_and_set(ctx, expected=ctx.before or {}, value=_ON)

    async def revert(self, ctx: Context, _: NoParams, before: State, after: State) -> Result:
        """Set it back to the very text that was there, if it is still what the apply left."""
        return await _compare_and_set(ctx, expected=after, value=_text(before))


async def _compare_and_set(ctx: Context, *, expected: State, value: str | None) -> Result:
    async with looking(ctx) as connection:  # what the function sets ends with it
        tx = Transaction(connection)
        try:
            await _set(tx, table_of(ctx), expected, value)
        except asyncpg.SerializationError as error:
            # An earlier attempt may have set it before it died.
            now = await read_table(tx, table_of(ctx))
            if not ctx.resumed or _text(now) != value or not _is_same(now, expected):
                raise ChangedError(str(error)) from error
        except _NOT_INSTALLED as error:
            raise UnusableError("grace.set_table_autovacuum is not installed there") from error
    return {"autovacuum": value, "replaced": _text(expected)}


async def _set(tx: Transaction, table: str, expected: State, value: str | None) -> None:
    """Set it for the table of that state; ChangedError where another one has its name by now."""
    done = await tx.fetchrow(
        QUERIES["set_table_autovacuum"],
        table_name=table,
        expected=_text(expected),
        value=value,
        oid=expected.get("oid"),
    )
    if done is None:
        raise ChangedError(f"{table} is another table now, or none")


def _is_same(now: State, expected: State) -> bool:
    """Whether it is the table of that state; one that was stored without its identity says nothing."""
    return expected.get("oid") in {None, now["oid"]}


def _text(state: State) -> str | None:
    """Return the parameter of a state. InvalidError for a state of something else."""
    value = state.get("autovacuum", 0)
    if value is not None and not isinstance(value, str):
        raise InvalidError("not a state of a table's autovacuum")
    return value
