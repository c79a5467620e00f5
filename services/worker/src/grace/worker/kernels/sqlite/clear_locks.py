"""sqlite.clear_locks: ends what a dead process left beside a database: a log, a journal, shared memory."""

from datetime import timedelta
from typing import ClassVar

from grace.worker.domain.failure import BlockedError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.filesystem.quarantine import folder_name
from grace.worker.kernels.operation import Change, Context, Diff, NoParams, Result, Tier
from grace.worker.kernels.sqlite import child

# What is copied before anything is touched.
MAX_BYTES = 1024**3
_LEFT = ("wal_bytes", "journal_bytes")


class ClearLocks:
    """Recovers the database by SQLite's own means; nothing is unlinked by hand.

    BlockedError while a process has it open, as far as the worker sees; what it does not see is stopped by
    the lock that SQLite gives to nobody then.
    """

    name: ClassVar[str] = "sqlite.clear_locks"
    # No committed row changes, and a copy is kept (docs/decisions/0025).
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[NoParams]] = NoParams
    revert: None = None

    def time_needed(self, _: NoParams) -> timedelta:
        """A copy, a check of every page, and what the log has."""
        return child.LONGEST

    async def observe(self, ctx: Context, _: NoParams) -> State:
        """Return what `sqlite.look` returns."""
        return await child.look(ctx)

    async def plan(self, ctx: Context, _: NoParams) -> Diff:
        """Return what lies beside the database and would go. BlockedError while somebody has it open."""
        now = ctx.before or await child.look(ctx)
        if isinstance(holders := now["holders"], list | tuple) and holders:
            raise BlockedError(f"process {holders[0]} has it open")
        if not isinstance(size := now["bytes"], int) or size > MAX_BYTES:
            raise BlockedError(f"{size} bytes are more than one action may copy")
        changes = tuple(Change(name, now[name], 0) for name in _LEFT if now[name])
        return Diff(ctx.target.id, changes)

    async def apply(self, ctx: Context, _: NoParams) -> Result:
        """Keep a copy in the quarantine of the action, check, empty the log, and have it removed."""
        return await child.act(ctx, "clear_locks", keep=folder_name(ctx.idempotency_key))
