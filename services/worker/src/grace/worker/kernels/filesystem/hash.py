"""filesystem.hash: whether a file is the one that it should be, byte for byte."""

import os
import stat
from datetime import timedelta
from errno import ENOENT
from functools import partial
from hashlib import sha256
from typing import Annotated, ClassVar

from pydantic import Field

from grace.worker.domain.failure import UnusableError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.scan import RelativePath, parts_outside_quarantine
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Context, Diff, Params, Tier

LARGEST = 4 * 1024**3  # bytes: half a minute from a slow disk
_PIECE = 1024 * 1024


class HashParams(Params):
    """`path` below the root; `sha256`: what the file should be, where that is known."""

    path: RelativePath
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None


class Hash:
    """Reads one file. It only observes."""

    name: ClassVar[str] = "filesystem.hash"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[HashParams]] = HashParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: HashParams) -> timedelta:
        """The largest file from a slow disk."""
        return timedelta(seconds=60)

    async def observe(self, ctx: Context, params: HashParams) -> State:
        """Return `exists`, `bytes`, `sha256`, and `matches`: 1 where the hash is the wanted one."""
        return await in_thread(partial(_observe, root_of(ctx), params))

    async def plan(self, ctx: Context, _: HashParams) -> Diff:
        """Return nothing: it changes nothing."""
        return Diff(ctx.target.id)


def _observe(target: FilesystemTarget, params: HashParams, stop: Stop) -> State:
    parts = parts_outside_quarantine(params.path)
    with opened(target.root) as root:
        try:
            with root.reading(parts) as fd:
                size, digest = _read(fd, stop)
        except UnusableError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno == ENOENT:
                return {"exists": 0, "matches": 0, "bytes": 0, "sha256": None}
            raise
    matches = int(digest == params.sha256) if params.sha256 else None
    return {"exists": 1, "matches": matches, "bytes": size, "sha256": digest}


def _read(fd: int, stop: Stop) -> tuple[int, str]:
    before = os.fstat(fd)
    if not stat.S_ISREG(before.st_mode) or before.st_size > LARGEST:
        raise UnusableError(f"it is no plain file of at most {LARGEST} bytes")
    digest, size = sha256(), 0
    while piece := os.read(fd, _PIECE):
        stop.check()
        digest.update(piece)
        size += len(piece)
        if size > LARGEST:
            raise UnusableError(f"it grew beyond {LARGEST} bytes while it was read")
    after = os.fstat(fd)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UnusableError("it was written to while it was read")
    return size, digest.hexdigest()
