"""filesystem.move_aside: takes one file out of the way, a stale lock for example; nothing is deleted."""

from datetime import timedelta
from functools import partial
from typing import ClassVar

from grace.worker.domain.failure import BlockedError, ChangedError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.quarantine import inode_at, move, quarantine
from grace.worker.kernels.filesystem.scan import Entry, RelativePath, parts_outside_quarantine
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Change, Context, Diff, Params, Result, Tier

SLOT = "file"
_SAME = ("inode", "bytes", "written")


class MoveAsideParams(Params):
    """`path`: the file, relative to the target's root."""

    path: RelativePath


class MoveAside:
    """Moves one regular file into the quarantine of the action."""

    name: ClassVar[str] = "filesystem.move_aside"
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[MoveAsideParams]] = MoveAsideParams

    def time_needed(self, _: MoveAsideParams) -> timedelta:
        """One rename, however large the file is."""
        return timedelta(seconds=10)

    async def observe(self, ctx: Context, params: MoveAsideParams) -> State:
        """Return whether the file is there (1 or 0), and which one it is."""
        return await in_thread(partial(_observe, root_of(ctx), params))

    async def plan(self, ctx: Context, params: MoveAsideParams) -> Diff:
        """Return the one file that would go, or nothing if it is not there."""
        now = await self.observe(ctx, params)
        if not now["present"]:
            return Diff(ctx.target.id)
        return Diff(ctx.target.id, (Change(params.path, before=now["bytes"], after=None),))

    async def apply(self, ctx: Context, params: MoveAsideParams) -> Result:
        """Move the file of the stored state, and no other of that name."""
        return await in_thread(partial(_apply, root_of(ctx), ctx, params.path, ctx.before or {}))

    async def revert(
        self, ctx: Context, params: MoveAsideParams, before: State, after: State
    ) -> Result:
        """Move it back; ChangedError when another file has its name now."""
        if not ctx.resumed and await self.observe(ctx, params) != after:
            raise ChangedError("a file of that name was made since the action")
        return await in_thread(partial(_revert, root_of(ctx), ctx, params.path, before))


def _observe(target: FilesystemTarget, params: MoveAsideParams, stop: Stop) -> State:
    stop.check()
    *parent, name = parts_outside_quarantine(params.path)
    with opened(target.root) as root, root.folder(tuple(parent)) as home:
        if inode_at(home, name) is None:
            return {"path": params.path, "present": 0}
        found = Entry((*parent, name), root.look((*parent, name)))
    if not found.is_plain_file:
        raise BlockedError(f"{params.path!r} is not a regular file with one name")
    stat = found.stat
    return {
        "path": params.path,
        "present": 1,
        "bytes": stat.st_size,
        "inode": stat.st_ino,
        "written": str(stat.st_mtime_ns),
    }


def _apply(target: FilesystemTarget, ctx: Context, path: str, before: State, stop: Stop) -> Result:
    stop.check()
    inode = _inode(before)
    if inode is None:
        return {"moved": None}
    *parent, name = parts_outside_quarantine(path)
    with (
        opened(target.root) as root,
        quarantine(root, ctx.idempotency_key, create=True) as store,
        root.folder(tuple(parent)) as home,
    ):
        if inode_at(store, SLOT) != inode:
            _check_same(_observe(target, MoveAsideParams(path=path), stop), before)
            move(home, name, store, SLOT, inode=inode)
    return {"moved": path}


def _revert(target: FilesystemTarget, ctx: Context, path: str, before: State, stop: Stop) -> Result:
    stop.check()
    inode = _inode(before)
    if inode is None:
        return {"restored": None}
    *parent, name = parts_outside_quarantine(path)
    with (
        opened(target.root) as root,
        quarantine(root, ctx.idempotency_key, create=False) as store,
        root.folder(tuple(parent)) as home,
    ):
        if inode_at(home, name) != inode:
            move(store, SLOT, home, name, inode=inode)
    return {"restored": path}


def _check_same(now: State, before: State) -> None:
    """Refuse another file than that of the state, or as it was: the next file may get an inode that was freed."""
    if any(now.get(name) != before.get(name, now.get(name)) for name in _SAME):
        raise ChangedError(f"{now['path']!r} is not what it was")


def _inode(state: State) -> int | None:
    """Return the inode of the file, or None where there was none."""
    if state.get("present") == 0:
        return None
    inode = state.get("inode")
    if not isinstance(inode, int):
        raise ChangedError("not a state of this operation")
    return inode
