"""How things stand, in plain words that are never better than what was measured."""

from collections.abc import Mapping

_MISSION: Mapping[str, str] = {
    "open": "open",
    "planned": "planned, nothing was done yet",
    "awaiting_approval": "waits for approval",
    "acting": "acting, not verified",
    "needs_attention": "needs a person",
    "verified": "verified by measuring",
    "rolled_back": "rolled back, measured to be as before",
    "rollback_failed": "failed, and its rollback failed, too",
    "inconclusive": "inconclusive: it could not be measured, and is no success",
    "blocked": "blocked: nothing was done",
    "expired": "expired: nobody decided in time",
}


def stands(status: str, *, is_back: bool = False) -> str:
    """Return how a mission, an intent or a contract stands; `is_back` where a later look found the fault again."""
    words = _MISSION.get(status, status.replace("_", " "))
    return f"was {words}, but the fault is back: no success any more" if is_back else words


def counted(number: int, noun: str, *, more: bool = False) -> str:
    """Return a number of things, e.g. `1 mission`, `at least 10 missions`."""
    words = f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"
    return f"at least {words}" if more else words


def listed(lines: list[str], head: str, most: int) -> str:
    """Return a head and its lines, the first `most` of them, and how many are left out."""
    left = len(lines) - most
    more = [f"- and {left} more"] if left > 0 else []
    return "\n".join([head, *lines[:most], *more])
