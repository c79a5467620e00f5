"""postgres.table: what the catalogue and the statistics say of one table."""

from datetime import timedelta
from typing import ClassVar

from grace.kit import Transaction
from grace.worker.domain.failure import UnusableError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Context, Diff, NoParams, Tier
from grace.worker.kernels.postgres.connection import QUERIES, looking, table_of

# How Postgres spells a false storage parameter: any unique prefix, in any case.
_OFF = ("off", "of", "false", "fals", "fal", "fa", "f", "no", "n", "0")
_COUNTS = ("live_rows", "dead_rows", "changes_since_analyze")


class ReadTable:
    """Reads one table's state. It only observes."""

    name: ClassVar[str] = "postgres.table"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[NoParams]] = NoParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: NoParams) -> timedelta:
        """One connection and one short statement."""
        return timedelta(seconds=10)

    async def observe(self, ctx: Context, _: NoParams) -> State:
        """Return rows by the statistics, and `autovacuum`: 1 where nothing turns it off, or 0."""
        table = table_of(ctx)
        async with looking(ctx) as connection:
            row = await read_table(Transaction(connection), table)
        return measured(row)

    async def plan(self, ctx: Context, _: NoParams) -> Diff:
        """Return nothing: it changes nothing."""
        return Diff(ctx.target.id)


def measured(row: State) -> State:
    """Return the row as numbers: what is switched off for the whole server is on for no table.

    Where nobody counts rows, autovacuum never runs, and what was counted once is no number of now.
    """
    is_counted = not is_off(row["track_counts"])
    server = is_counted and not is_off(row["server_autovacuum"])
    own = not is_off(row["autovacuum"])
    counts = {name: row[name] if is_counted else None for name in _COUNTS}
    return {**counts, "autovacuum": int(server and own), "server_autovacuum": int(server)}


async def read_table(tx: Transaction, table: str) -> State:
    """Return the table's row of `read_table`; UnusableError where it does not exist."""
    row = await tx.fetchrow(QUERIES["read_table"], table_name=table)
    if row is None:
        raise UnusableError(f"there is no table {table}")
    return dict(row)


def is_off(text: object) -> bool:
    """Whether the text of a storage parameter switches it off; null is the default, on."""
    return isinstance(text, str) and text.lower() in _OFF
