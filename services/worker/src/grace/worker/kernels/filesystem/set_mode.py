"""filesystem.set_mode: the permission bits of one file, compared and set, restored exactly."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from stat import S_IMODE
from typing import ClassVar

from pydantic import Field

from grace.worker.domain.failure import BlockedError, ChangedError, UnusableError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.scan import Entry, RelativePath, parts_outside_quarantine
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Change, Context, Diff, Params, Result, Tier


class SetModeParams(Params):
    """`mode`: three octal digits; setuid, setgid and sticky bits are nobody's to give."""

    path: RelativePath
    mode: str = Field(pattern=r"^[0-7]{3}$")

    @property
    def bits(self) -> int:
        """The mode as a number."""
        return int(self.mode, 8)


class SetMode:
    """Sets the permission bits of one regular file."""

    name: ClassVar[str] = "filesystem.set_mode"
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[SetModeParams]] = SetModeParams

    def time_needed(self, _: SetModeParams) -> timedelta:
        """One system call."""
        return timedelta(seconds=10)

    async def observe(self, ctx: Context, params: SetModeParams) -> State:
        """Return the file's bits, as digits and as a number, and its inode."""
        return await in_thread(partial(_observe, root_of(ctx), params))

    async def plan(self, ctx: Context, params: SetModeParams) -> Diff:
        """Return the one file whose bits would change, or nothing if they are set already."""
        now = await self.observe(ctx, params)
        if now["mode"] == params.mode:
            return Diff(ctx.target.id)
        return Diff(ctx.target.id, (Change(params.path, now["mode"], params.mode),))

    async def apply(self, ctx: Context, params: SetModeParams) -> Result:
        """Set the bits, if the file is still the one of the stored state and has its bits."""
        before = ctx.before or {}
        return await in_thread(partial(_set, root_of(ctx), params, before, params.bits))

    async def revert(
        self, ctx: Context, params: SetModeParams, before: State, after: State
    ) -> Result:
        """Set them back; ChangedError when somebody else set others since."""
        return await in_thread(partial(_set, root_of(ctx), params, after, _bits(before)))


@contextmanager
def _file(target: FilesystemTarget, path: str) -> Iterator[tuple[int, os.stat_result]]:
    """Hold the file itself: whatever happens to its name, the bits are those of this file."""
    parts = parts_outside_quarantine(path)
    with opened(target.root) as root, root.held(parts) as fd:
        found = os.fstat(fd)
        if not Entry(parts, found).is_plain_file:
            raise BlockedError(f"{path!r} is not a regular file with one name")
        yield fd, found


def _observe(target: FilesystemTarget, params: SetModeParams, stop: Stop) -> State:
    stop.check()
    with _file(target, params.path) as (_, found):
        bits = S_IMODE(found.st_mode)
        return {
            "path": params.path,
            "mode": f"{bits:03o}",
            "mode_bits": bits,
            "inode": found.st_ino,
        }


def _set(
    target: FilesystemTarget, params: SetModeParams, expected: State, bits: int, stop: Stop
) -> Result:
    stop.check()
    with _file(target, params.path) as (fd, found):
        now = S_IMODE(found.st_mode)
        if found.st_ino != expected.get("inode"):
            raise ChangedError(f"{params.path!r} is another file now")
        # An earlier attempt may have set them before it died.
        if now not in {_bits(expected), bits}:
            raise ChangedError(f"{params.path!r} has mode {now:03o} from somebody else")
        _chmod(fd, params.path, bits)
    return {"path": params.path, "mode": f"{bits:03o}"}


def _chmod(fd: int, path: str, bits: int) -> None:
    """Set the bits of a held file, also of one that its owner may not read."""
    try:
        Path(f"/proc/self/fd/{fd}").chmod(bits)
    except PermissionError:
        raise UnusableError(f"the worker does not own {path!r}") from None


def _bits(state: State) -> int:
    bits = state.get("mode_bits")
    if not isinstance(bits, int):
        raise ChangedError("not a state of this operation")
    return bits
