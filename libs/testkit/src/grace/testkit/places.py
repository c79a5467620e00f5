"""Where the servers of tests keep their files: in memory, where the machine lends enough of it.

They make and delete thousands of small files, and a disk is asked about each. What a server keeps
outlives its process there as well; no test cuts the power.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
# Of five workers at a time, with what tests beside them leave there.
_ROOM_BYTES = 6 * 1024**3
_PREFIX = "grace-tests-"


@contextmanager
def server_folder(memory: Path = _MEMORY) -> Iterator[Path]:
    """A folder for servers, which everybody can pass and nobody else list; gone afterwards."""
    has_room = _has_room(memory)
    if has_room:
        _sweep(memory)
    where = memory if has_room else None
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=where))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(memory: Path) -> bool:
    is_ours = memory.is_dir() and os.access(memory, os.W_OK | os.X_OK)
    return is_ours and shutil.disk_usage(memory).free >= _ROOM_BYTES


def _sweep(memory: Path) -> None:
    """Remove what a killed run has left: nobody restarts the machine for it."""
    for left in memory.glob(f"{_PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(_PREFIX).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
