"""filesystem.usage: how much lies below a path, and how much room is left."""

import os
from datetime import timedelta
from functools import partial
from stat import S_ISREG
from typing import ClassVar

from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.scan import Entry, RelativePath, Scan, parts_outside_quarantine
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Context, Diff, Params, Tier


class UsageParams(Params):
    """`path`: the folder to measure, relative to the target's root."""

    path: RelativePath = "."


class Usage:
    """Counts files and bytes. It only observes."""

    name: ClassVar[str] = "filesystem.usage"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[UsageParams]] = UsageParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: UsageParams) -> timedelta:
        """A walk over half a million entries takes some seconds on a cold disk."""
        return timedelta(seconds=30)

    async def observe(self, ctx: Context, params: UsageParams) -> State:
        """Return counts below the path and the room on its device, in bytes.

        The counts are null where a folder could not be looked into.
        """
        return await in_thread(partial(_observe, root_of(ctx), params))

    async def plan(self, ctx: Context, _: UsageParams) -> Diff:
        """Return nothing: it changes nothing."""
        return Diff(ctx.target.id)


def _observe(target: FilesystemTarget, params: UsageParams, stop: Stop) -> State:
    parts = parts_outside_quarantine(params.path)
    scan = Scan(stop)
    with opened(target.root) as root, root.folder(parts) as start:
        room = os.fstatvfs(start)
        counts = _count(scan, start, parts)
    return {
        **{name: scan.number(count) for name, count in counts.items()},
        "free_bytes": room.f_bavail * room.f_frsize,
        "total_bytes": room.f_blocks * room.f_frsize,
        "skipped": [{"path": path, "reason": reason} for path, reason in scan.skipped],
    }


def _count(scan: Scan, start: int, parts: tuple[str, ...]) -> dict[str, int]:
    """Return files, folders and everything else, and the bytes of the files: once, whatever names they have."""
    counts = {"files": 0, "folders": 0, "others": 0, "bytes": 0}
    seen: set[tuple[int, int]] = set()
    for entry in scan.walk(start, parts, _everywhere):
        kind, which = _kind(entry), (entry.stat.st_dev, entry.stat.st_ino)
        counts[kind] += 1
        if kind == "files" and which not in seen:
            counts["bytes"] += entry.stat.st_size
            if entry.stat.st_nlink > 1:
                seen.add(which)
    return counts


def _kind(entry: Entry) -> str:
    if entry.is_folder:
        return "folders"
    return "files" if S_ISREG(entry.stat.st_mode) else "others"


def _everywhere(_: Entry, __: int) -> bool:
    return True
