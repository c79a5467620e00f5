"""filesystem.clear_pycache: moves `__pycache__` folders out of the way; nothing is deleted."""

import os
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar, TypedDict, cast

from grace.worker.domain.failure import (
    BlockedError,
    ChangedError,
    InvalidError,
    KernelError,
    PartlyError,
)
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import Json, State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import Root, opened
from grace.worker.kernels.filesystem.quarantine import inode_at, move, quarantine
from grace.worker.kernels.filesystem.scan import (
    Entry,
    RelativePath,
    Scan,
    parts_outside_quarantine,
    shown,
)
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Change, Context, Diff, Params, Result, Tier

NAME = "__pycache__"
# One action moves no more: a larger set is a mistake in the path rather than a cache.
MAX_FOLDERS = 500
MAX_FILES = 50_000
MAX_BYTES = 4 * 1024**3


class Folder(TypedDict):
    """One `__pycache__`. Its inode tells it from another one made under the same name."""

    path: str
    inode: int
    files: int
    bytes: int


class ClearPycacheParams(Params):
    """`path`: the folder to look below, relative to the target's root."""

    path: RelativePath = "."


class ClearPycache:
    """Moves every `__pycache__` that holds compiled files and nothing else."""

    name: ClassVar[str] = "filesystem.clear_pycache"
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[ClearPycacheParams]] = ClearPycacheParams

    def time_needed(self, _: ClearPycacheParams) -> timedelta:
        """A walk over half a million entries takes some seconds on a cold disk."""
        return timedelta(seconds=30)

    async def observe(self, ctx: Context, params: ClearPycacheParams) -> State:
        """Return the folders that would go, and those left alone with the reason."""
        return await in_thread(partial(_observe, root_of(ctx), params))

    async def plan(self, ctx: Context, params: ClearPycacheParams) -> Diff:
        """Return one change for each folder."""
        found = _folders(await self.observe(ctx, params))
        changes = [Change(f["path"], before=f["files"], after=None) for f in found]
        return Diff(ctx.target.id, tuple(changes))

    async def apply(self, ctx: Context, _: ClearPycacheParams) -> Result:
        """Move the folders of the stored state, those that are still the same.

        ChangedError where the first that is there is another one by now: nothing was moved.
        """
        folders = _folders(ctx.before or {})
        return await in_thread(partial(_apply, root_of(ctx), ctx, folders))

    async def revert(
        self, ctx: Context, params: ClearPycacheParams, before: State, after: State
    ) -> Result:
        """Move them back; ChangedError when new ones were made in the meantime."""
        if not ctx.resumed and _folders(await self.observe(ctx, params)) != _folders(after):
            raise ChangedError("other caches were made since the action")
        return await in_thread(partial(_revert, root_of(ctx), ctx, _folders(before)))


def root_of(ctx: Context) -> FilesystemTarget:
    """Return the target as a folder; InvalidError for any other kind."""
    if not isinstance(ctx.target, FilesystemTarget):
        raise InvalidError(f"{ctx.target.id} is not a filesystem target")
    return ctx.target


def _observe(target: FilesystemTarget, params: ClearPycacheParams, stop: Stop) -> State:
    parts = parts_outside_quarantine(params.path)
    scan = Scan(stop)
    found: list[Folder] = []
    with opened(target.root) as root, root.folder(parts) as start:
        for _ in scan.walk(start, parts, partial(_enter, scan, found)):
            pass
    _check_size(found)
    return {
        "folders": [cast("Json", each) for each in found],
        "files": scan.number(sum(each["files"] for each in found)),
        "bytes": scan.number(sum(each["bytes"] for each in found)),
        "skipped": [{"path": path, "reason": reason} for path, reason in scan.skipped],
    }


def _enter(scan: Scan, found: list[Folder], entry: Entry, fd: int) -> bool:
    """Take a cache as a whole; go into any other folder."""
    if entry.path[-1] != NAME:
        return True
    inside = scan.entries(fd, entry.path)
    if shown(entry.path) != "/".join(entry.path):
        scan.skip(entry, "its path is not UTF-8")
    elif not all(each.is_plain_file and ".pyc" in each.path[-1] for each in inside):
        scan.skip(entry, "holds something else than compiled files")
    else:
        size = sum(each.stat.st_size for each in inside)
        path, inode = "/".join(entry.path), os.fstat(fd).st_ino
        found.append(Folder(path=path, inode=inode, files=len(inside), bytes=size))
    return False


def _check_size(found: Sequence[Folder]) -> None:
    files, size = sum(f["files"] for f in found), sum(f["bytes"] for f in found)
    if len(found) > MAX_FOLDERS or files > MAX_FILES or size > MAX_BYTES:
        raise BlockedError(
            f"{len(found)} folders with {files} files and {size} bytes are more than one action may move"
        )


def _apply(target: FilesystemTarget, ctx: Context, folders: Sequence[Folder], stop: Stop) -> Result:
    outcomes: dict[str, list[str]] = {"moved": [], "gone": [], "changed": []}
    with opened(target.root) as root, quarantine(root, ctx.idempotency_key, create=True) as store:
        for slot, folder in enumerate(folders):
            stop.check()
            try:
                outcome = _put_away(root, store, _slot(slot), folder)
            except (KernelError, OSError) as error:
                if not outcomes["moved"]:
                    raise
                outcome = _left_alone(error)
            outcomes[outcome].append(folder["path"])
    return {word: list[Json](paths) for word, paths in outcomes.items()}


def _left_alone(error: Exception) -> str:
    """Go on past a cache that is another one by now: what was moved before it is measured with it."""
    if isinstance(error, ChangedError):
        return "changed"
    raise PartlyError(error) from error


def _put_away(root: Root, store: int, slot: str, folder: Folder) -> str:
    """Move one cache and return what became of it: moved (now or by an earlier attempt) or gone."""
    if inode_at(store, slot) == folder["inode"]:
        return "moved"
    *parent, name = folder["path"].split("/")
    with root.folder(tuple(parent)) as home:
        if inode_at(home, name) is None:
            return "gone"
        move(home, name, store, slot, inode=folder["inode"])
    return "moved"


def _revert(
    target: FilesystemTarget, ctx: Context, folders: Sequence[Folder], stop: Stop
) -> Result:
    restored: list[Json] = []
    with opened(target.root) as root, quarantine(root, ctx.idempotency_key, create=False) as store:
        for slot, folder in enumerate(folders):
            stop.check()
            try:
                is_back = _put_back(root, store, _slot(slot), folder)
            except (KernelError, OSError) as error:
                if restored:  # and so another try goes on with the rest
                    raise PartlyError(error) from error
                raise
            if is_back:
                restored.append(folder["path"])
    return {"restored": restored}


def _put_back(root: Root, store: int, slot: str, folder: Folder) -> bool:
    """Move one cache back and tell whether it is back; what was gone at the apply stays gone."""
    *parent, name = folder["path"].split("/")
    stored = inode_at(store, slot) == folder["inode"]
    with root.folder(tuple(parent)) as home:
        if stored:
            move(store, slot, home, name, inode=folder["inode"])
        return inode_at(home, name) == folder["inode"]


def _slot(number: int) -> str:
    return f"{number:05d}"


def _folders(state: State) -> Sequence[Folder]:
    found = state.get("folders")
    if not isinstance(found, list | tuple):
        raise InvalidError("not a state of this operation")
    return cast("Sequence[Folder]", found)
