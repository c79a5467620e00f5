"""memory.process: what listed processes take. Read from /proc; nothing is run, asked or sent a signal."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from grace.worker.domain.failure import BlockedError, InvalidError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import MemoryTarget
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.memory.proc import Taken, by_argv, by_pid_file
from grace.worker.kernels.operation import Context, Diff, Params, Tier

Word = Annotated[str, Field(min_length=1, max_length=4096)]


class ProcessParams(Params):
    """Which processes: those with exactly these words, or the one of a pid file; both as they are listed."""

    argv: Annotated[tuple[Word, ...] | None, Field(min_length=1, max_length=64, strict=False)] = (
        None
    )
    pid_file: Annotated[str | None, Field(pattern="^/", max_length=4096)] = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if (self.argv is None) == (self.pid_file is None):
            raise ValueError("either argv or pid_file is needed")
        return self


class Process:
    """Counts processes and adds up what they take. It only observes."""

    name: ClassVar[str] = "memory.process"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[ProcessParams]] = ProcessParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: ProcessParams) -> timedelta:
        """Thousands of processes on a busy machine."""
        return timedelta(seconds=10)

    async def observe(self, ctx: Context, params: ProcessParams) -> State:
        """Return `processes`, and of all of them together the sums that `summary` names."""
        check_listed(ctx, params)
        return summary(await in_thread(partial(_look, params)))

    async def plan(self, ctx: Context, params: ProcessParams) -> Diff:
        """Return nothing: it changes nothing."""
        check_listed(ctx, params)
        return Diff(ctx.target.id)


def check_listed(ctx: Context, params: ProcessParams) -> None:
    """BlockedError for a process that the target does not list."""
    target = ctx.target
    if not isinstance(target, MemoryTarget):
        raise InvalidError(f"{target.id} is not a memory target")
    if params.argv not in {None, *target.processes}:
        raise BlockedError(f"a process with these words is not listed for {target.id}")
    if params.pid_file not in {None, *map(str, target.pid_files)}:
        raise BlockedError(f"this pid file is not listed for {target.id}")


def summary(found: Sequence[Taken]) -> State:
    """Return the sums. Without a process there are none: nothing running is not little memory."""
    pss = [each.pss_bytes for each in found if each.pss_bytes is not None]
    return {
        "processes": len(found),
        "rss_bytes": sum(each.rss_bytes for each in found) if found else None,
        "largest_rss_bytes": max((each.rss_bytes for each in found), default=None),
        # What several share is counted once; not every process lets the worker know.
        "pss_bytes": sum(pss) if found and len(pss) == len(found) else None,
        "swap_bytes": sum(each.swap_bytes for each in found) if found else None,
        "threads": sum(each.threads for each in found) if found else None,
        "cpu_seconds": sum(each.cpu_seconds for each in found) if found else None,
    }


def _look(params: ProcessParams, stop: Stop) -> list[Taken]:
    if params.argv is not None:
        return by_argv(params.argv, stop.check)
    return by_pid_file(Path(str(params.pid_file)))
