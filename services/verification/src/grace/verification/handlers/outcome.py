"""What became of one message: done (None), rightly ignored, or refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from grace.contracts.message import Message
from grace.kit import Received, Unit


@dataclass(frozen=True, slots=True)
class Ignored:
    """The message changes nothing: it came twice, late, or before what it depends on."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The message cannot be true; `reason` is one word for the quarantine."""

    reason: str
    detail: str


M = TypeVar("M", bound=Message)

Outcome: TypeAlias = Ignored | Refused | None


def account(outcome: Outcome, message: Received[Any], unit: Unit) -> None:
    """Count what was ignored, quarantine what was refused."""
    match outcome:
        case Ignored(why):
            unit.count(why, message)
        case Refused(reason, detail):
            unit.refuse(message, reason=reason, detail=detail)
        case None:
            pass


def in_order(messages: Sequence[Received[M]]) -> list[Received[M]]:
    """Return a batch by mission: two transactions then wait for each other in one order."""
    return sorted(messages, key=lambda message: str(getattr(message.body, "mission_id", "")))
