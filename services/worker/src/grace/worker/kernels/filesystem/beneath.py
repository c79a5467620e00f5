"""Opens files below a root and nowhere else, whatever the names say and whoever races.

Linux's openat2 refuses in the kernel; where it is missing every component is opened by itself
without following links. Names with `..` are refused before either is asked.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from grace.worker.domain.failure import BlockedError, NotNowError, UnusableError

_OPENAT2 = 437  # the same number on every architecture
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_LONGEST_NAME, _LONGEST_PATH, _DEEPEST = 255, 1024, 64
_ESCAPES = {errno.EXDEV, errno.ELOOP, errno.ENOTDIR}
# Old kernels do not know openat2; some container sandboxes answer EPERM for what they do not know.
_MISSING = {errno.ENOSYS, errno.EPERM}

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class Root:
    """An open folder. What it opens lies below it."""

    def __init__(self, fd: int, *, use_openat2: bool = True) -> None:
        """Take over the descriptor of the folder."""
        self.fd = fd
        self._use_openat2 = use_openat2

    @contextmanager
    def folder(self, parts: tuple[str, ...]) -> Iterator[int]:
        """Open the folder of that path, or the root for no parts."""
        with closing(self._open(parts, DIRECTORY)) as fd:
            yield fd

    def look(self, parts: tuple[str, ...]) -> os.stat_result:
        """Return what the path is. Nothing is opened for reading: a fifo would wait for ever."""
        with closing(self._open(parts, _LOOK)) as fd:
            return os.fstat(fd)

    @contextmanager
    def held(self, parts: tuple[str, ...]) -> Iterator[int]:
        """Hold what lies at the path without opening it for anything."""
        with closing(self._open(parts, _LOOK)) as fd:
            yield fd

    @contextmanager
    def reading(self, parts: tuple[str, ...]) -> Iterator[int]:
        """Open a plain file for reading; anything else is only looked at, never opened."""
        if not stat.S_ISREG(self.look(parts).st_mode):
            raise UnusableError(f"{'/'.join(parts)!r} is no plain file")
        # Whatever was put in its place meanwhile: a fifo does not hold us up.
        with closing(self._open(parts, _READ)) as fd:
            yield fd

    def _open(self, parts: tuple[str, ...], flags: int) -> int:
        try:
            return self._open_raw(parts or (".",), flags)
        except OSError as error:
            raise _refusal(error, "/".join(parts)) from error

    def _open_raw(self, parts: tuple[str, ...], flags: int) -> int:
        if self._use_openat2:
            try:
                return _openat2(self.fd, "/".join(parts), flags)
            except OSError as error:
                if error.errno not in _MISSING:
                    raise
                self._use_openat2 = False
        return _walk(self.fd, parts, flags)


@contextmanager
def opened(root: PurePosixPath, *, use_openat2: bool = True) -> Iterator[Root]:
    """Open a registered root. UnusableError when it is no folder."""
    try:
        fd = os.open(root, DIRECTORY)
    except OSError as error:
        raise UnusableError(f"the root {root} cannot be opened: {error.strerror}") from error
    with closing(fd):
        yield Root(fd, use_openat2=use_openat2)


@contextmanager
def closing(fd: int) -> Iterator[int]:
    """Close a descriptor at the end."""
    try:
        yield fd
    finally:
        os.close(fd)


def parts_of(path: str) -> tuple[str, ...]:
    """Return the components of a relative path; `.` is the root itself.

    BlockedError for anything that is not plainly below the root.
    """
    if path == ".":
        return ()
    parts = tuple(path.split("/"))
    if len(path) > _LONGEST_PATH or len(parts) > _DEEPEST or not all(map(_is_plain, parts)):
        raise BlockedError(f"{path[:80]!r} is not a path below the root")
    return parts


def _is_plain(name: str) -> bool:
    """Tell whether a name is one component that means itself."""
    if name in {"", ".", ".."} or not name.isprintable():
        return False
    try:
        return len(name.encode()) <= _LONGEST_NAME
    except UnicodeEncodeError:
        return False


def _openat2(fd: int, path: str, flags: int) -> int:
    how = _OpenHow(flags=flags, mode=0, resolve=_BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS)
    size = ctypes.sizeof(how)
    found: int = _libc.syscall(_OPENAT2, fd, os.fsencode(path), ctypes.byref(how), size)
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return found


def _walk(fd: int, parts: tuple[str, ...], flags: int) -> int:
    """Open component after component, following no link."""
    here = os.open(".", DIRECTORY, dir_fd=fd)
    for name in parts[:-1]:
        with closing(here) as folder:
            here = os.open(name, DIRECTORY, dir_fd=folder)
    with closing(here) as folder:
        return os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=folder)


def _refusal(error: OSError, path: str) -> Exception:
    if error.errno in _ESCAPES:
        return BlockedError(f"{path!r} leads through something that is no plain folder")
    if error.errno == errno.EAGAIN:
        return NotNowError(f"{path!r} was moved while it was looked up")
    return UnusableError(f"{path!r} cannot be opened: {error.strerror}")
