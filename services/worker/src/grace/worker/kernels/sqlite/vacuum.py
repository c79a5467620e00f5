"""sqlite.vacuum: writes the database anew and gives the room of its free pages back."""

from datetime import timedelta
from typing import ClassVar

from grace.worker.domain.failure import BlockedError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Change, Context, Diff, NoParams, Result, Tier
from grace.worker.kernels.sqlite import child

# What a plain disk writes twice within the time of a step.
MAX_BYTES = 1024**3


class Vacuum:
    """Runs `VACUUM`. Rows of tables without an INTEGER PRIMARY KEY may get other rowids."""

    name: ClassVar[str] = "sqlite.vacuum"
    tier: ClassVar[Tier] = Tier.DANGEROUS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[NoParams]] = NoParams
    revert: None = None

    def time_needed(self, _: NoParams) -> timedelta:
        """All of it is written twice."""
        return child.LONGEST

    async def observe(self, ctx: Context, _: NoParams) -> State:
        """Return what `sqlite.look` returns."""
        return await child.look(ctx)

    async def plan(self, ctx: Context, _: NoParams) -> Diff:
        """Return the free pages that would go. BlockedError for more than one action may rewrite."""
        now = ctx.before or await child.look(ctx)
        if not isinstance(size := now["bytes"], int) or size > MAX_BYTES:
            raise BlockedError(f"{size} bytes are more than one action may rewrite")
        changes = (Change("free_pages", now["free_pages"], 0),) if now["free_pages"] else ()
        return Diff(ctx.target.id, changes)

    async def apply(self, ctx: Context, _: NoParams) -> Result:
        """Rewrite the file of the stored state. UnusableError without twice its room on the disk."""
        return await child.act(ctx, "vacuum")
