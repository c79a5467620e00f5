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
        """Return the raw text that is set for the table, or null."""
        table = table_of(ctx)
        async with looking(ctx) as connection:
            return {"autovacuum": await _read(Transaction(connection), table)}

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
        return await _compare_and_set(ctx, expected=before, value=_ON)

    async def revert(self, ctx: Context, _: NoParams, before: State, after: State) -> Result:
        """Set it back to the very text that was there, if it is still what the apply left."""
        return await _compare_and_set(ctx, expected=_text(after), value=_text(before))


async def _compare_and_set(ctx: Context, *, expected: str | None, value: str | None) -> Result:
    table = table_of(ctx)
    async with looking(ctx) as connection:  # what the function sets ends with it
        tx = Transaction(connection)
        try:
            await tx.fetchval(
                QUERIES["set_table_autovacuum"], table_name=table, expected=expected, value=value
            )
        except asyncpg.SerializationError as error:
            # An earlier attempt may have set it before it died.
            if not ctx.resumed or await _read(tx, table) != value:
                raise ChangedError(str(error)) from error
        except _NOT_INSTALLED as error:
            raise UnusableError("grace.set_table_autovacuum is not installed there") from error
    return {"autovacuum": value, "replaced": expected}


async def _read(tx: Transaction, table: str) -> str | None:
    return _text(await read_table(tx, table))


def _text(state: State) -> str | None:
    """Return the parameter of a state. InvalidError for a state of something else."""
    value = state.get("autovacuum", 0)
    if value is not None and not isinstance(value, str):
        raise InvalidError("not a state of a table's autovacuum")
    return value
