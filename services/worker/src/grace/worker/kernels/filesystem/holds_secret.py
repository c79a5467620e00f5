"""filesystem.holds_secret: whether a file is a secret, byte for byte; nothing is told of what it is."""

import hmac
import os
from datetime import timedelta
from functools import partial
from typing import ClassVar

from grace.worker.domain.failure import BlockedError, UnusableError
from grace.worker.domain.redaction import Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.scan import Entry, RelativePath, parts_outside_quarantine
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Context, Diff, Params, Tier
from grace.worker.kernels.references import SecretRef

LARGEST = 65_536  # bytes; what is larger is no secret
CONTENT = Secrecy(frozenset({"content"}))


class SecretFileParams(Params):
    """`path` below the root; `content`: the name of the secret that the file is to be."""

    path: RelativePath
    content: SecretRef


class HoldsSecret:
    """Compares one file with a secret. It only observes."""

    name: ClassVar[str] = "filesystem.holds_secret"
    tier: ClassVar[Tier] = Tier.HARMLESS
    secrecy: ClassVar[Secrecy] = CONTENT
    params: ClassVar[type[SecretFileParams]] = SecretFileParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: SecretFileParams) -> timedelta:
        """A small file."""
        return timedelta(seconds=10)

    async def observe(self, ctx: Context, params: SecretFileParams) -> State:
        """Return `matches` (1 or 0), and the file's fingerprint and inode."""
        return await look(ctx, params, ctx.secret(params.content))

    async def plan(self, ctx: Context, _: SecretFileParams) -> Diff:
        """Return nothing: it changes nothing."""
        return Diff(ctx.target.id)


async def look(ctx: Context, params: SecretFileParams, wanted: str) -> State:
    """Read the file, and say whether it is what is wanted."""
    found = await in_thread(partial(_read, root_of(ctx), params.path))
    is_it = hmac.compare_digest(str(found["content"]).encode(), _text(wanted.encode()).encode())
    return {**found, "matches": int(is_it)}


async def read(ctx: Context, params: SecretFileParams) -> State:
    """Read the file; what it should be is not asked."""
    return await in_thread(partial(_read, root_of(ctx), params.path))


def _read(target: FilesystemTarget, path: str, stop: Stop) -> State:
    stop.check()
    parts = parts_outside_quarantine(path)
    with opened(target.root) as root, root.reading(parts) as fd:
        found = Entry(parts, os.fstat(fd))
        if not found.is_plain_file:
            raise BlockedError(f"{path!r} is not a regular file with one name")
        if found.stat.st_size > LARGEST:
            raise UnusableError(f"{path!r} has more than {LARGEST} bytes: it is no secret's file")
        content = os.read(fd, LARGEST)
    return {"path": path, "inode": found.stat.st_ino, "content": _text(content)}


def _text(content: bytes) -> str:
    """Bytes as text, whatever they are: what is a newline at the end of a file says nothing."""
    return content.removesuffix(b"\n").decode("latin-1")
