"""filesystem.rotate_log: exchanges a log for an empty file in one step; the old one is kept.

A program that keeps its log open goes on writing into the old one until it opens it again.
"""

import os
from datetime import timedelta
from functools import partial
from typing import ClassVar

from grace.worker.domain.failure import BlockedError, ChangedError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import closing, opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.exchanged import (
    Places,
    give_to_owner,
    inode_of,
    is_back,
    places,
)
from grace.worker.kernels.filesystem.scan import Entry, RelativePath, parts_outside_quarantine
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Change, Context, Diff, Params, Result, Tier

SLOT = "log"


class RotateLogParams(Params):
    """`path`: the log, relative to the target's root."""

    path: RelativePath


class RotateLog:
    """Rotates one log file."""

    name: ClassVar[str] = "filesystem.rotate_log"
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[RotateLogParams]] = RotateLogParams

    def time_needed(self, _: RotateLogParams) -> timedelta:
        """One rename, however large the file is."""
        return timedelta(seconds=10)

    async def observe(self, ctx: Context, params: RotateLogParams) -> State:
        """Return the log's size and inode."""
        return await in_thread(partial(_observe, root_of(ctx), params))

    async def plan(self, ctx: Context, params: RotateLogParams) -> Diff:
        """Return the one file that would be exchanged."""
        now = await self.observe(ctx, params)
        return Diff(ctx.target.id, (Change(params.path, before=now["bytes"], after=0),))

    async def apply(self, ctx: Context, params: RotateLogParams) -> Result:
        """Exchange the log of the stored state for an empty file of the same owner and mode."""
        inode = inode_of(ctx.before or {})
        return await in_thread(partial(_apply, root_of(ctx), ctx, params.path, inode))

    async def revert(
        self, ctx: Context, params: RotateLogParams, before: State, after: State
    ) -> Result:
        """Exchange them back; ChangedError when something was written since."""
        ends = (inode_of(before), inode_of(after))
        look = partial(is_back, ctx, params.path, SLOT, ends)
        was_put_back = ctx.resumed and await in_thread(look)
        if not was_put_back and await self.observe(ctx, params) != after:
            raise ChangedError("the log was written to or replaced since the action")
        return await in_thread(partial(_revert, root_of(ctx), ctx, params.path, ends))


def _observe(target: FilesystemTarget, params: RotateLogParams, stop: Stop) -> State:
    stop.check()
    parts = parts_outside_quarantine(params.path)
    with opened(target.root) as root:
        found = Entry(parts, root.look(parts))
    if not found.is_plain_file:
        raise BlockedError(f"{params.path!r} is not a regular file with one name")
    return {"path": params.path, "bytes": found.stat.st_size, "inode": found.stat.st_ino}


def _apply(target: FilesystemTarget, ctx: Context, path: str, before: int, stop: Stop) -> Result:
    stop.check()
    with places(target, ctx, path, SLOT, create=True) as at:
        if not at.is_exchanged(before):
            _make_successor(at)
            at.exchange(before)
        return {"rotated": path, "bytes": at.kept().st_size}


def _revert(
    target: FilesystemTarget, ctx: Context, path: str, ends: tuple[int, int], stop: Stop
) -> Result:
    stop.check()
    with places(target, ctx, path, SLOT, create=False) as at:
        at.exchange_back(*ends)
    return {"restored": path}


def _make_successor(at: Places) -> None:
    """Put the empty file into the quarantine, with the owner and mode of the log."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with closing(os.open(SLOT, flags, 0o600, dir_fd=at.store)) as fd:
        if os.fstat(fd).st_size:
            raise ChangedError("the quarantine of this action holds another file")
        give_to_owner(at, fd)
