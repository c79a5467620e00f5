"""sqlite.checkpoint: moves the write-ahead log into the database and empties it."""

from datetime import timedelta
from typing import ClassVar

from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Change, Context, Diff, NoParams, Result, Tier
from grace.worker.kernels.sqlite import child


class Checkpoint:
    """Runs `PRAGMA wal_checkpoint(TRUNCATE)`; done only where SQLite says that all of it is in."""

    name: ClassVar[str] = "sqlite.checkpoint"
    # No row changes, and SQLite does it by itself every thousand pages (docs/decisions/0025).
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[NoParams]] = NoParams
    revert: None = None

    def time_needed(self, _: NoParams) -> timedelta:
        """It waits for readers, then writes as much as the log has."""
        return child.LONGEST

    async def observe(self, ctx: Context, _: NoParams) -> State:
        """Return what `sqlite.look` returns."""
        return await child.look(ctx)

    async def plan(self, ctx: Context, _: NoParams) -> Diff:
        """Return the log that would be emptied, or nothing where there is none."""
        now = ctx.before or await child.look(ctx)
        changes = (Change("wal_bytes", now["wal_bytes"], 0),) if now["wal_bytes"] else ()
        return Diff(ctx.target.id, changes)

    async def apply(self, ctx: Context, _: NoParams) -> Result:
        """Empty the log of the file of the stored state. UnfinishedError while readers need it."""
        return await child.act(ctx, "checkpoint")
