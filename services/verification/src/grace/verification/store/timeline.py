"""Everything that happens to a mission is told twice: to others by a message, to people by a line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from grace.contracts.message import Message
from grace.contracts.verification import MissionClosed, ProblemResolved
from grace.kit import Received, Unit, derived_id, new_id
from grace.verification.domain.lifecycle import MissionEvent, mission_target
from grace.verification.domain.state import shown_text
from grace.verification.store import Case, ClosedMission, Line, MissionEnd, Missions

LONGEST_REASON = 1000  # characters, as of everything here that people read in one line
_SELF = "verification"


@dataclass(frozen=True, slots=True)
class About:
    """Whose story a line belongs to."""

    mission_id: str
    tenant_id: str
    correlation_id: str
    contract_id: str | None = None

    @classmethod
    def case(cls, case: Case) -> "About":
        """The contract's own line in its mission's story."""
        contract = case.contract
        return cls(
            contract.mission_id, contract.tenant_id, case.correlation_id, contract.contract_id
        )


@dataclass(frozen=True, slots=True)
class Source:
    """The message, or the answer to a question, that something was learned from."""

    event_id: UUID
    service: str
    subject: str
    correlation_id: str
    at: datetime | None = None

    @classmethod
    def message(cls, message: Received[Any]) -> "Source":
        """A message of the bus."""
        return cls(
            event_id=message.id,
            service=message.publisher or "outside",
            subject=message.subject,
            correlation_id=message.correlation_id,
            at=message.issued_at,
        )

    @classmethod
    def recalled(cls, message: Message, mission_id: str, correlation_id: str) -> "Source":
        """What the owner of a message said again when it was asked."""
        subject = message.SUBJECT
        service = subject.partition(".")[0]
        return cls(derived_id("recalled", subject, mission_id), service, subject, correlation_id)


async def hear(unit: Unit, source: Source, mission_id: str, summary: str) -> None:
    """Add what somebody else told to a mission's story; nothing where there is no such mission."""
    _add(
        unit,
        Line(
            event_id=source.event_id,
            mission_id=mission_id,
            contract_id=None,
            service=source.service,
            subject=source.subject,
            summary=shown_text(summary, LONGEST_REASON),
            at=source.at,
        ),
    )


async def tell(unit: Unit, message: Message, about: About, summary: str) -> None:
    """Publish an event of our own and add it to the mission's story, under the message's id."""
    event_id = unit.publish(message, tenant=about.tenant_id, correlation_id=about.correlation_id)
    _write(unit, event_id, message.SUBJECT, about, summary)


async def note(unit: Unit, subject: str, about: About, summary: str) -> None:
    """Add a step that only the story tells of; `subject` is a name, nothing is published."""
    _write(unit, new_id(), subject, about, summary)


async def close_mission(
    unit: Unit, mission_id: str, event: MissionEvent, *, confidence: float, reason: str | None
) -> bool:
    """End a mission and tell everybody, once; False when it has ended already."""
    return await close_missions(unit, event, [MissionEnd(mission_id, confidence, reason)]) != set()


async def close_missions(unit: Unit, event: MissionEvent, ends: Sequence[MissionEnd]) -> set[str]:
    """End missions in one way and tell everybody, once; those that had not ended already."""
    shown = {
        end.mission_id: replace(end, reason=shown_text(end.reason, LONGEST_REASON) or None)
        if end.reason
        else end
        for end in ends
    }
    closed = await Missions(unit.tx).close(event, list(shown.values()))
    for mission in closed:
        await _tell_end(unit, event, mission, shown[mission.mission_id])
    return {mission.mission_id for mission in closed}


async def _tell_end(
    unit: Unit, event: MissionEvent, closed: ClosedMission, end: MissionEnd
) -> None:
    about = About(closed.mission_id, closed.tenant_id, closed.correlation_id)
    if event is MissionEvent.VERIFY:
        await tell(unit, _resolved(closed, end.confidence), about, "every action is verified")
    status = mission_target(event)
    message = MissionClosed(
        mission_id=closed.mission_id,
        tenant_id=closed.tenant_id,
        status=status,
        confidence=end.confidence,
        closed_at=closed.closed_at,
        reason=end.reason,
    )
    await tell(unit, message, about, f"{status}: {end.reason}" if end.reason else status)


def _resolved(closed: ClosedMission, confidence: float) -> ProblemResolved:
    return ProblemResolved(
        mission_id=closed.mission_id,
        tenant_id=closed.tenant_id,
        target=closed.target or "unknown",
        confidence=confidence,
        resolved_at=closed.closed_at,
    )


def _write(unit: Unit, event_id: UUID, subject: str, about: About, summary: str) -> None:
    _add(
        unit,
        Line(
            event_id=event_id,
            mission_id=about.mission_id,
            contract_id=about.contract_id,
            service=_SELF,
            subject=subject,
            summary=shown_text(summary, LONGEST_REASON),
            at=None,
        ),
    )


def _add(unit: Unit, line: Line) -> None:
    """Nobody reads a story inside the transaction that goes on with it: one statement will do."""
    unit.collect(_tell_all, line)


async def _tell_all(unit: Unit, lines: Sequence[Line]) -> None:
    await Missions(unit.tx).tell(lines)
