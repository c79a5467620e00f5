"""What /proc tells of processes. Who has ended is not there; who cannot be looked at stops the measurement."""

import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grace.worker.domain.failure import UnusableError

PROC = Path("/proc")
_LARGEST_PID_FILE = 64  # bytes
_TICKS = os.sysconf("SC_CLK_TCK")
# The kernel tells its start in whole seconds, and clocks are set: a process as much younger than
# its pid file is another one, which got the number.
_SLACK_S = 2.0
_HIDDEN = "the worker is not shown the processes of others (hidepid of /proc)"


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process takes at one moment."""

    rss_bytes: int
    swap_bytes: int
    pss_bytes: int | None
    threads: int
    cpu_seconds: float


def by_argv(argv: Sequence[str], check: Callable[[], None]) -> list[Taken]:
    """Return what each process takes whose words are exactly these; `check` is called between two."""
    wanted = b"".join(word.encode() + b"\0" for word in argv)
    found = []
    for entry in _everybody():
        check()
        with suppress(FileNotFoundError, ProcessLookupError):
            if _cmdline(entry) == wanted:
                found.append(_taken(entry))
    return [each for each in found if each is not None]


def by_pid_file(path: Path) -> list[Taken]:
    """Return what the process of a pid file takes; nothing without file or process, or where it is another's."""
    try:
        pid, written_at = _pid_of(path)
    except FileNotFoundError:
        return []
    entry = PROC / str(pid)
    with suppress(FileNotFoundError, ProcessLookupError):
        if _started_at(entry) <= written_at + _SLACK_S:
            found = _taken(entry)
            return [found] if found else []
    return []


def _everybody() -> list[Path]:
    if not (PROC / "1").exists():
        raise UnusableError(_HIDDEN)
    return [entry for entry in PROC.iterdir() if entry.name.isdecimal()]


def _cmdline(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except PermissionError as error:
        raise UnusableError(_HIDDEN) from error


def _taken(entry: Path) -> Taken | None:
    """Return what a process takes; None where it ended, or its number passed to another, meanwhile."""
    before = _words_of_stat(entry)
    sizes = _sizes(entry / "status")
    if "VmRSS" not in sizes or _words_of_stat(entry)[19] != before[19]:
        return None
    return Taken(
        rss_bytes=sizes["VmRSS"],
        swap_bytes=sizes.get("VmSwap", 0),
        pss_bytes=_pss(entry),
        threads=int(before[17]),
        cpu_seconds=(int(before[11]) + int(before[12])) / _TICKS,
    )


def _words_of_stat(entry: Path) -> list[str]:
    """Return the words behind the name, which may hold blanks and brackets itself."""
    return (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()


def _started_at(entry: Path) -> float:
    """Return when a process began, in seconds since 1970."""
    since_boot = int(_words_of_stat(entry)[19]) / _TICKS
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def _pss(entry: Path) -> int | None:
    with suppress(PermissionError, FileNotFoundError, ProcessLookupError):
        return _sizes(entry / "smaps_rollup").get("Pss")
    return None


def _sizes(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text("utf-8", "replace").splitlines())
    return {
        words[0].rstrip(":"): int(words[1]) * 1024
        for words in lines
        if len(words) == 3 and words[2] == "kB"  # noqa: PLR2004 - a name, a number and kB
    }


def _pid_of(path: Path) -> tuple[int, float]:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found, text = os.fstat(fd), os.read(fd, _LARGEST_PID_FILE + 1)
    finally:
        os.close(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_mode & stat.S_IWOTH:
        raise UnusableError(f"{path} is no plain file, or everybody may write it")
    if len(text) > _LARGEST_PID_FILE or not text.strip().isdigit():
        raise UnusableError(f"{path} holds no number of a process")
    return int(text), found.st_mtime
