"""The data directory of one Grace: private, and held by one process at a time."""

import contextlib
import errno
import fcntl
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from grace.stack.errors import StackError

_PRIVATE = 0o700
# Root's servers run as an unprivileged account, which must pass through this folder (but not
# list it) to reach its own; every file beside it is 0600 and every other folder 0700.
_PASSABLE = 0o711
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNWRITABLE = _FULL | {errno.EACCES, errno.EPERM, errno.EROFS}


class DataDir:
    """A data directory and the lock on it; a context manager that holds the lock.

    nats-server does not lock its own store: two on one store would both say they are ready.
    """

    def __init__(self, path: Path | str) -> None:
        """Name the directory; nothing is touched before `acquire`.

        Raises StackError when it is in the home of an account that there is not.
        """
        self.path = _at_home(Path(path)).absolute()
        self._lock: int | None = None

    def acquire(self) -> None:
        """Create the directory and take its lock.

        Raises StackError when it is not writable or another process holds it.
        """
        if self._lock is not None:
            return
        try:
            self._create()
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._take(lock)
        except OSError as failure:
            self.release()
            raise StackError(self._unwritable(failure, self.path)) from failure

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._lock is None:
            return
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None

    def holder(self) -> str:
        """Return who wrote into the lock last, as "process PID (command)"; "" when nobody."""
        with contextlib.suppress(OSError):
            return self._lock_path.read_text(encoding="utf-8", errors="replace").strip()
        return ""

    def folder(self, name: str) -> Path:
        """Return a private folder of the directory, made when it is not there yet."""
        folder = self.path / name
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        return folder

    def __enter__(self) -> Self:
        """Take the lock."""
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Give the lock back. StackError where the block met a disk that takes no more."""
        self.release()
        if isinstance(error, OSError) and error.errno in _UNWRITABLE:
            raise StackError(self._unwritable(error, error.filename or self.path)) from error

    @property
    def _lock_path(self) -> Path:
        return self.path / "lock"

    def _create(self) -> None:
        if self.path.is_dir():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=_PRIVATE, exist_ok=True)
        self.path.chmod(_PRIVATE if os.geteuid() else _PASSABLE)

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            who = self.holder() or "another process"
            message = f"{self.path} is in use by {who}: stop it, or name another data directory"
            raise StackError(message) from None
        self._lock = lock
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} ({_command()})\n".encode(), 0)

    def _unwritable(self, failure: OSError, what: Path | str) -> str:
        reason = failure.strerror or str(failure)
        if failure.errno in _FULL:
            return f"{what} cannot be written ({reason}): make room, or name another data directory"
        return f"{what} cannot be written ({reason}): name a data directory that this account owns"


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as unknown:
        message = f"{path} names the home of nobody here: write the data directory in full"
        raise StackError(message) from unknown


def _command() -> str:
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
