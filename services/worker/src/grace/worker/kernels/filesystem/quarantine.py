"""Where things go instead of being deleted: `.grace-quarantine/<action id>` below the root.

Everything moves by one rename that never overwrites, so a crash leaves a thing in one of two
places and its inode says which.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from grace.worker.domain.failure import BlockedError, ChangedError, UnusableError
from grace.worker.kernels.filesystem.beneath import Root

FOLDER = ".grace-quarantine"

_NOREPLACE, _EXCHANGE = 1, 2
_PRIVATE = 0o700
_MOST_RACES = 100
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def quarantine(root: Root, key: str, *, create: bool) -> Iterator[int]:
    """Open the quarantine of an action. UnusableError when it is not there and not to be made."""
    name = folder_name(key)
    if create:
        _make(root.fd, FOLDER)
        with root.folder((FOLDER,)) as parent:
            _make(parent, name)
    with root.folder((FOLDER, name)) as fd:
        _check_private(fd)
        yield fd


def folder_name(key: str) -> str:
    """Return the folder's name. BlockedError for an action id that is no plain name."""
    if not key or key.startswith(".") or "/" in key or not key.isprintable() or len(key) > 128:  # noqa: PLR2004 - the longest id
        raise BlockedError("the action id cannot name a folder")
    return key


def inode_at(folder: int, name: str) -> int | None:
    """Return the inode under a name, links not followed, or None when there is nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_ino
    except FileNotFoundError:
        return None


def move(source: int, name: str, target: int, new_name: str, *, inode: int) -> None:
    """Move the thing with that inode. ChangedError when the name holds, or held, another one."""
    if inode_at(source, name) != inode:
        raise ChangedError(f"{name!r} is not what it was")
    _rename(source, name, target, new_name, _NOREPLACE)
    if inode_at(target, new_name) != inode:
        _rename(target, new_name, source, name, _NOREPLACE)
        raise ChangedError(f"{name!r} was replaced at this very moment")
    _settle(source, target)


def exchange(folder: int, name: str, other: int, other_name: str, *, inode: int) -> None:
    """Exchange two names in one step: the one with that inode goes to the other side."""
    if inode_at(folder, name) != inode:
        raise ChangedError(f"{name!r} is not what it was")
    ours = inode_at(other, other_name)
    _rename(folder, name, other, other_name, _EXCHANGE)
    if inode_at(other, other_name) != inode:
        _give_back(folder, name, other, other_name, ours)
        raise ChangedError(f"{name!r} was replaced at this very moment")
    _settle(folder, other)


def _give_back(folder: int, name: str, other: int, other_name: str, placed: int | None) -> None:
    """Put back what came out in place of what was seen, until nothing newer comes out for it.

    `placed` is what was put in: whoever replaces a file all the time may have replaced that, too.
    """
    for _ in range(_MOST_RACES):
        newer = inode_at(other, other_name)
        _rename(folder, name, other, other_name, _EXCHANGE)
        if inode_at(other, other_name) == placed:
            return
        placed = newer


def _make(parent: int, name: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, _PRIVATE, dir_fd=parent)
        os.fsync(parent)


def _check_private(fd: int) -> None:
    found = os.fstat(fd)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise BlockedError(f"{FOLDER} belongs to somebody else or is open to others")


def _settle(*folders: int) -> None:
    """Wait until the moves survive a power cut: the receipt that follows will claim them."""
    for folder in folders:
        os.fsync(folder)


def _rename(source: int, name: str, target: int, new_name: str, how: int) -> None:
    done = _libc.renameat2(source, os.fsencode(name), target, os.fsencode(new_name), how)
    if done == 0:
        return
    number = ctypes.get_errno()
    match number:
        case errno.EXDEV:
            raise UnusableError(f"{name!r} lies on another device than the quarantine")
        case errno.EINVAL | errno.ENOSYS:
            raise UnusableError("this file system cannot rename without overwriting")
        case errno.EEXIST | errno.ENOTEMPTY | errno.ENOENT:
            raise ChangedError(f"{name!r}: {os.strerror(number)}")
        case _:
            raise OSError(number, os.strerror(number), name)
