"""sqlite.look: what a database file and those beside it say."""

from datetime import timedelta
from typing import ClassVar

from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Context, Diff, NoParams, Tier
from grace.worker.kernels.sqlite import child


class Look:
    """Measures pages, free pages and the write-ahead log. It only observes."""

    name: ClassVar[str] = "sqlite.look"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[NoParams]] = NoParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: NoParams) -> timedelta:
        """A log of a gigabyte has a quarter of a million frames."""
        return child.LONGEST

    async def observe(self, ctx: Context, _: NoParams) -> State:
        """Return sizes in bytes and pages, the `holders`, and whether the worker `sees_all` processes."""
        return await child.look(ctx)

    async def plan(self, ctx: Context, _: NoParams) -> Diff:
        """Return nothing: it changes nothing."""
        child.file_of(ctx)
        return Diff(ctx.target.id)
