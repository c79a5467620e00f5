"""Exchanges a file for its successor in one step, and back; the old one is kept in the quarantine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grace.worker.domain.failure import ChangedError, UnusableError
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem.beneath import opened
from grace.worker.kernels.filesystem.clear_pycache import root_of
from grace.worker.kernels.filesystem.quarantine import exchange, inode_at, quarantine
from grace.worker.kernels.filesystem.scan import parts_outside_quarantine
from grace.worker.kernels.filesystem.threads import Stop
from grace.worker.kernels.operation import Context


@dataclass(frozen=True, slots=True)
class Places:
    """The open folder of the file, its name in it, and its slot in the quarantine of the action."""

    home: int
    name: str
    store: int
    slot: str

    def kept(self) -> os.stat_result:
        """What lies in the slot."""
        return os.stat(self.slot, dir_fd=self.store, follow_symlinks=False)

    def is_exchanged(self, before: int) -> bool:
        """Whether the file with that inode lies in the slot already."""
        return inode_at(self.store, self.slot) == before

    def exchange(self, before: int) -> None:
        """Put what is in the slot into the place of the file with that inode."""
        exchange(self.home, self.name, self.store, self.slot, inode=before)

    def is_back(self, before: int, after: int) -> bool:
        """Whether the file is in its place again, and its successor in the slot."""
        return inode_at(self.home, self.name) == before and self.is_exchanged(after)

    def exchange_back(self, before: int, after: int) -> None:
        """Put the file back, if its successor is still there; once is enough."""
        if not self.is_back(before, after):
            self.exchange(after)


@contextmanager
def places(
    target: FilesystemTarget, ctx: Context, path: str, slot: str, *, create: bool
) -> Iterator[Places]:
    """Open what an exchange needs."""
    *parent, name = parts_outside_quarantine(path)
    with (
        opened(target.root) as root,
        quarantine(root, ctx.idempotency_key, create=create) as store,
        root.folder(tuple(parent)) as home,
    ):
        yield Places(home, name, store, slot)


def is_back(ctx: Context, path: str, slot: str, ends: tuple[int, int], stop: Stop) -> bool:
    """Whether an earlier attempt has put the file back."""
    stop.check()
    with places(root_of(ctx), ctx, path, slot, create=False) as at:
        return at.is_back(*ends)


def give_to_owner(at: Places, fd: int) -> None:
    """Give an open successor the owner and mode of the file, and wait until the disk has it."""
    try:
        model = os.stat(at.name, dir_fd=at.home, follow_symlinks=False)
        os.fchown(fd, model.st_uid, model.st_gid)
    except FileNotFoundError:
        raise ChangedError(f"{at.name!r} is gone") from None
    except PermissionError:
        raise UnusableError("the worker may not give the new file to its owner") from None
    os.fchmod(fd, model.st_mode & 0o777)
    os.fsync(fd)


def inode_of(state: State) -> int:
    """Return the inode of a state; ChangedError where it is none of such an operation."""
    inode = state.get("inode")
    if not isinstance(inode, int):
        raise ChangedError("not a state of this operation")
    return inode
