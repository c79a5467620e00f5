"""Named moments at which a test lets a process die as by kill -9: GRACE_CRASH_AT=<service>.<moment>.

Without the variable every moment is a call of a function that does nothing.
"""

from __future__ import annotations

import difflib
import os
import signal
from collections.abc import Callable, Collection

from grace.contracts.subjects import SERVICES
from grace.kit.settings import SettingsError, crash_at

VARIABLE = "GRACE_CRASH_AT"

CrashPoint = Callable[[str], None]


def crash_point_of(service: str, moments: Collection[str], at: str) -> CrashPoint:
    """Return what a service calls at each of its moments; a name that is no moment is refused."""
    owner, _, moment = at.partition(".")
    if at and owner not in SERVICES:
        raise SettingsError(f"{VARIABLE}: {owner or at} is no service; write <service>.<moment>")
    if owner != service:
        return _live
    if moment not in moments:
        raise SettingsError(
            f"{VARIABLE}: {service} has no moment {moment!r}{_hint(moment, moments)}"
        )

    def die_at(name: str) -> None:
        if name == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_at


def crash_point_from_environment(service: str, moments: Collection[str]) -> CrashPoint:
    """Return the same for what the environment says."""
    return crash_point_of(service, moments, crash_at())


def _live(_: str) -> None:
    """Nobody dies here."""


def _hint(moment: str, moments: Collection[str]) -> str:
    close = difflib.get_close_matches(moment, moments, n=3, cutoff=0.4)
    known = close or sorted(moments)
    return f"; it has {', '.join(known)}" if known else "; it has none"
