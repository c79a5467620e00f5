"""What may not be after a crash, by what was seen from outside: pure rules over one case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Picture = Mapping[str, object]

_GOOD_ENDS = {"verified", "rolled_back"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One case: an operation, killed once at an edge. Pictures are what the world really was."""

    died: bool
    status: str
    executed: bool
    before: Picture
    applied: Picture
    now: Picture
    promise_holds: bool
    receipts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    holds: int = 0
    told: int = 1
    unverified_s: float = 0.0
    lease_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a case broke."""

    rule: str
    detail: str


def judge(seen: Seen) -> list[Breach]:
    """Return every rule that was broken."""
    return [Breach(rule, found) for rule, look in RULES.items() if (found := look(seen))]


def _not_killed(seen: Seen) -> str:
    return "" if seen.died else "nobody died: the edge was not reached"


def _no_end(seen: Seen) -> str:
    ended = seen.status in _ENDS
    return "" if ended else f"left as {seen.status}: {seen.reason}"


def _half_state(seen: Seen) -> str:
    if seen.status == "verified":
        return _differs("applied", seen.applied, seen.now)
    if seen.status == "rolled_back":
        return _differs("restored", seen.before, seen.now)
    return f"neither verified nor restored: {seen.status}, {seen.reason}"


def _false_success(seen: Seen) -> str:
    if seen.status != "verified":
        return ""
    if not seen.executed:
        return "verified, and was not executed"
    return "" if seen.promise_holds else "verified, and what it promises does not hold"


def _effects(seen: Seen) -> str:
    wanted = {"apply", "revert"} if seen.status == "rolled_back" else {"apply"}
    if seen.status in _GOOD_ENDS and set(seen.receipts) != wanted:
        return f"receipts of {sorted(seen.receipts)}, not of {sorted(wanted)}"
    open_ones = [step for step, (many, done) in seen.receipts.items() if many != 1 or done != 1]
    return f"receipts that are open or double: {open_ones}" if open_ones else ""


def _hold(seen: Seen) -> str:
    return f"{seen.holds} holds are left" if seen.holds else ""


def _told(seen: Seen) -> str:
    return "" if seen.told == 1 else f"the verdict was told {seen.told} times"


def _too_long(seen: Seen) -> str:
    if seen.unverified_s <= seen.lease_s:
        return ""
    return f"executed and unverified for {seen.unverified_s:.1f} s, a lease has {seen.lease_s:.0f}"


def _differs(word: str, wanted: Picture, found: Picture) -> str:
    wrong = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
    return f"not {word}: {', '.join(wrong)}" if wrong else ""


_ENDS = {
    "verified", "rolled_back", "failed", "rollback_failed", "inconclusive",
    "blocked", "expired", "cancelled",
}  # fmt: skip
RULES: Mapping[str, Callable[[Seen], str]] = {
    "not killed": _not_killed,
    "no end": _no_end,
    "half state": _half_state,
    "false success": _false_success,
    "effects": _effects,
    "hold left": _hold,
    "told": _told,
    "unverified too long": _too_long,
}
