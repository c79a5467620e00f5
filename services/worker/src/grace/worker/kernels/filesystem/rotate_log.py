"""filesystem.rotate_log: exchanges a log for an empty file in one step; the old one is kept.

A program that keeps its log open goes on writing into the old one until it opens it again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from grace.worker.domain.failure import BlockedError, ChangedError, UnusableError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import closing, opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.quarantine import exchange, inode_at, quarantine
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
        inode = _inode(ctx.before or {})
        return await in_thread(partial(_apply, root_of(ctx), ctx, params.path, inode))

    async def revert(
        self, ctx: Context, params: RotateLogParams, before: State, after: State
    ) -> Result:
        """Exchange them back; ChangedError when something was written since."""
        if not ctx.resumed and await self.observe(ctx, params) != after:
            raise ChangedError("the log was written to or replaced since the action")
        ends = (_inode(before), _inode(after))
        return await in_thread(partial(_revert, root_of(ctx), ctx, params.path, ends))


def _observe(target: FilesystemTarget, params: RotateLogParams, stop: Stop) -> State:
    stop.check()
    parts = parts_outside_quarantine(params.path)
    with opened(target.root) as root:
        found = Entry(parts, root.look(parts))
    if not found.is_plain_file:
        raise BlockedError(f"{params.path!r} is not a regular file with one name")
    return {"path": params.path, "bytes": found.stat.st_size, "inode": found.stat.st_ino}


@dataclass(frozen=True, slots=True)
class _Places:
    """The open folder of the log, its name in it, and the open quarantine of the action."""

    home: int
    name: str
    store: int


@contextmanager
def _places(
    target: FilesystemTarget, ctx: Context, path: str, *, create: bool
) -> Iterator[_Places]:
    *parent, name = parts_outside_quarantine(path)
    with (
        opened(target.root) as root,
        quarantine(root, ctx.idempotency_key, create=create) as store,
        root.folder(tuple(parent)) as home,
    ):
        yield _Places(home, name, store)


def _apply(target: FilesystemTarget, ctx: Context, path: str, before: int, stop: Stop) -> Result:
    stop.check()
    with _places(target, ctx, path, create=True) as at:
        if inode_at(at.store, SLOT) != before:
            _make_successor(at)
            exchange(at.home, at.name, at.store, SLOT, inode=before)
        size = os.stat(SLOT, dir_fd=at.store, follow_symlinks=False).st_size
    return {"rotated": path, "bytes": size}


def _revert(
    target: FilesystemTarget, ctx: Context, path: str, ends: tuple[int, int], stop: Stop
) -> Result:
    stop.check()
    before, after = ends
    with _places(target, ctx, path, create=False) as at:
        is_back = inode_at(at.home, at.name) == before and inode_at(at.store, SLOT) == after
        if not is_back:
            exchange(at.home, at.name, at.store, SLOT, inode=after)
    return {"restored": path}


def _make_successor(at: _Places) -> None:
    """Put the empty file into the quarantine, with the owner and mode of the log."""
    try:
        model = os.stat(at.name, dir_fd=at.home, follow_symlinks=False)
    except FileNotFoundError:
        raise ChangedError(f"{at.name!r} is gone") from None
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with closing(os.open(SLOT, flags, 0o600, dir_fd=at.store)) as fd:
        if os.fstat(fd).st_size:
            raise ChangedError("the quarantine of this action holds another file")
        try:
            os.fchown(fd, model.st_uid, model.st_gid)
        except PermissionError:
            raise UnusableError("the worker may not give the new log to its owner") from None
        os.fchmod(fd, model.st_mode & 0o777)
        os.fsync(fd)


def _inode(state: State) -> int:
    inode = state.get("inode")
    if not isinstance(inode, int):
        raise ChangedError("not a state of this operation")
    return inode
