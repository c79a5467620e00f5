"""filesystem.write_secret: puts a secret into a file that a program reads; the old file is kept."""

import os
from datetime import timedelta
from functools import partial
from typing import ClassVar

from grace.worker.domain.failure import ChangedError
from grace.worker.domain.redaction import Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.filesystem.beneath import closing
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.exchanged import (
    Places,
    give_to_owner,
    inode_of,
    is_back,
    places,
)
from grace.worker.kernels.filesystem.holds_secret import CONTENT, SecretFileParams, look, read
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.operation import Change, Context, Diff, Result, Tier

SLOT = "secret"


class WriteSecret:
    """Exchanges a file for one that holds a secret."""

    name: ClassVar[str] = "filesystem.write_secret"
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = CONTENT
    params: ClassVar[type[SecretFileParams]] = SecretFileParams

    def time_needed(self, _: SecretFileParams) -> timedelta:
        """A small file and one rename."""
        return timedelta(seconds=10)

    async def observe(self, ctx: Context, params: SecretFileParams) -> State:
        """Return `matches` (1 or 0), and the file's fingerprint and inode."""
        return await look(ctx, params, ctx.secret(params.content))

    async def plan(self, ctx: Context, params: SecretFileParams) -> Diff:
        """Return the one file that would be exchanged, and for which secret; none is opened."""
        now = await read(ctx, params)
        after = params.content.model_dump()
        return Diff(ctx.target.id, (Change(params.path, before=now["content"], after=after),))

    async def apply(self, ctx: Context, params: SecretFileParams) -> Result:
        """Exchange the file of the stored state for one of the same owner and mode."""
        before, content = inode_of(ctx.before or {}), ctx.secret(params.content).encode()
        return await in_thread(partial(_apply, ctx, params.path, before, content))

    async def revert(
        self, ctx: Context, params: SecretFileParams, before: State, after: State
    ) -> Result:
        """Exchange them back; ChangedError when something was written since."""
        ends = (inode_of(before), inode_of(after))
        look = partial(is_back, ctx, params.path, SLOT, ends)
        was_put_back = ctx.resumed and await in_thread(look)
        if not was_put_back and not _is_same(ctx.conceal(await read(ctx, params)), after):
            raise ChangedError("the file was written to or replaced since the action")
        return await in_thread(partial(_revert, ctx, params.path, ends))


def _is_same(now: State, after: State) -> bool:
    """Whether the file is what was left; that its secret is another one since says nothing of it."""
    return all(now[name] == after.get(name) for name in ("inode", "content"))


def _apply(ctx: Context, path: str, before: int, content: bytes, stop: Stop) -> Result:
    stop.check()
    with places(root_of(ctx), ctx, path, SLOT, create=True) as at:
        if not at.is_exchanged(before):
            _make_successor(at, content)
            at.exchange(before)
    return {"written": path}


def _revert(ctx: Context, path: str, ends: tuple[int, int], stop: Stop) -> Result:
    stop.check()
    with places(root_of(ctx), ctx, path, SLOT, create=False) as at:
        at.exchange_back(*ends)
    return {"restored": path}


def _make_successor(at: Places, content: bytes) -> None:
    """Put the new file into the quarantine, open to nobody before it is the owner's.

    An earlier attempt may have died over it: it is written anew, with what the secret is now.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with closing(os.open(at.slot, flags, 0o600, dir_fd=at.store)) as fd:
        if os.write(fd, content) < len(content):
            raise OSError("the disk took a part of it only")
        give_to_owner(at, fd)
