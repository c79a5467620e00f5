"""What a granted plan may do: one permission for each step of each action."""

from collections.abc import Iterator
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
    """How long a permission lives from the grant on."""

    apply: timedelta
    revert: timedelta


@dataclass(frozen=True, slots=True)
class Permission:
    """One step of one action, until a moment."""

    draft: Draft
    step: Step
    not_after: datetime


def permissions(
    draft: Draft, *, granted_at: datetime, lifetimes: Lifetimes
) -> Iterator[Permission]:
    """The right to apply an action, and to undo it where it can be undone."""
    yield Permission(draft, Step.APPLY, granted_at + lifetimes.apply)
    if draft.written.reversible:
        yield Permission(draft, Step.REVERT, granted_at + lifetimes.revert)
