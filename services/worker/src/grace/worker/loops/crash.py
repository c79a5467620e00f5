"""Named points at which a fault test lets the process die, as kill -9 would."""

import os
from collections.abc import Callable

CrashPoint = Callable[[str], None]
_KILLED = 137  # what a shell reports of a process that SIGKILL ended


def crash_points(crash_at: str) -> CrashPoint:
    """Return a function that ends the process at the point of that name; no name, no crash."""

    def crash_point(name: str) -> None:
        if name == crash_at:
            os._exit(_KILLED)

    return crash_point
