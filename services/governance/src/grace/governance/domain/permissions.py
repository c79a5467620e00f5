"""What a granted plan may do: one permission for each step of each action."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from grace.governance.domain.plans import Draft


class Step(StrEnum):
    """What a worker does under a permission."""

    APPLY = "apply"
    REVERT = "revert"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a permission lives: to apply from the action's turn, to revert from the grant on."""

    apply: timedelta
    revert: timedelta


@dataclass(frozen=True, slots=True)
class Permission:
    """One step of one action, until a moment."""

    draft: Draft
    step: Step
    not_after: datetime


def permissions(
    draft: Draft, plan: Iterable[Draft], *, granted_at: datetime, lifetimes: Lifetimes
) -> Iterator[Permission]:
    """The right to apply an action of a plan, and to undo it where it can be undone.

    An action begins when those before it are proven, so their own time does not count against it.
    Nothing may be applied when it may not be undone any more.
    """
    first = [each.written for each in plan if each.written.sequence < draft.written.sequence]
    turn = sum((each.settles_in for each in first), timedelta())
    lives = min(turn + lifetimes.apply, max(lifetimes.apply, lifetimes.revert))
    yield Permission(draft, Step.APPLY, granted_at + lives)
    if draft.written.reversible:
        yield Permission(draft, Step.REVERT, granted_at + lifetimes.revert)
