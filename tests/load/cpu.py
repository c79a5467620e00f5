"""Processor time of what runs, by name."""

from __future__ import annotations

import os
from pathlib import Path

from load.apart import Apart

from grace.stack.memory import tree_of

_PER_SECOND = os.sysconf("SC_CLK_TCK")
_TOOK = slice(11, 15)  # user and system, own and of children that have ended; proc_pid_stat(5)


def cpu_of(apart: Apart) -> dict[str, float]:
    """Seconds that each service, both servers and the bench itself have used so far."""
    installation = apart.grounds.installation
    tops = {name: apart.pid(name) for name in apart.names}
    tops |= {"nats": installation.nats.pid, "postgres": installation.postgres.pid}
    return {name: sum(map(_seconds, tree_of(pid))) for name, pid in tops.items()} | {
        "bench": _seconds(os.getpid())
    }


def _seconds(pid: int) -> float:
    """Zero for a process that has just ended: its parent has its time then."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return sum(map(int, text.rpartition(")")[2].split()[_TOOK])) / _PER_SECOND
