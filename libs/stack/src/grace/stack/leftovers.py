"""Servers that a killed Grace left behind: found by pid and command line, ended, forgotten."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from grace.stack.errors import StackError
from grace.stack.processes import wait_until

_ENOUGH = 10.0  # seconds per signal


def alive(pid: int) -> bool:
    """Tell whether the process lives; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The command's name may hold blanks and brackets: the state follows the last bracket.
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def serves(pid: int, word: Path) -> bool:
    """Tell whether the process lives and has the path as one of its arguments."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return alive(pid) and os.fsencode(word) in command.split(b"\0")


def end_leftover(name: str, pid: int, word: Path, *signals: signal.Signals) -> None:
    """End the process by each signal in turn if it serves the path; a stranger is left alone.

    The caller holds the data directory's lock, so whoever serves a path in it is a leftover.
    Raises StackError when it does not end.
    """
    if not serves(pid, word):
        return
    for each in signals:
        with suppress(ProcessLookupError):
            os.kill(pid, each)
        if wait_until(lambda: not alive(pid), within=_ENOUGH):
            return
    message = f"the {name} of an earlier start (process {pid}) does not end: kill it"
    raise StackError(message)
