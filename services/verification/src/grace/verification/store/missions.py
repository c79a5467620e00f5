"""Missions and the lines of their story."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from grace.kit import Transaction
from grace.verification.domain.lifecycle import (
    MissionEvent,
    MissionStatus,
    mission_sources,
    mission_target,
)
from grace.verification.domain.saga import Part
from grace.verification.store.cases import part_of
from grace.verification.store.statements import QUERIES


@dataclass(frozen=True, slots=True)
class MissionFacts:
    """What a mission is about; None is not known yet."""

    mission_id: str
    tenant_id: str
    correlation_id: str
    kind: str | None = None
    target: str | None = None
    requested_by: str | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MissionPlan:
    """A plan of a mission, in the bytes that were hashed."""

    facts: MissionFacts
    plan: bytes
    plan_hash: str
    playbook: str
    playbook_version: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a mission stands, and the hash of its plan."""

    status: MissionStatus
    plan_hash: str | None


@dataclass(frozen=True, slots=True)
class MissionEnd:
    """How sure it is what a mission came to, and why it ended."""

    mission_id: str
    confidence: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class ClosedMission:
    """A mission that has just ended."""

    mission_id: str
    tenant_id: str
    target: str | None
    correlation_id: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a mission's story. `at` None: the moment of the transaction."""

    event_id: UUID
    mission_id: str
    contract_id: str | None
    service: str
    subject: str
    summary: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Recall:
    """A mission that waits for somebody's word."""

    mission_id: str
    status: MissionStatus
    correlation_id: str


class Missions:
    """Missions, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def upsert(self, facts: Sequence[MissionFacts], *, recall_after: timedelta) -> None:
        """Open missions, or fill in what was not known of them; no mission twice."""
        await self._tx.execute(
            QUERIES["upsert_missions"],
            **_columns(facts),
            opened_at=[each.opened_at for each in facts],
            recall_after=recall_after,
        )

    async def plan(self, plans: Sequence[MissionPlan], *, recall_after: timedelta) -> set[str]:
        """Store the plans of missions, no mission twice; absent are those that have one, or ended."""
        event = MissionEvent.PLAN
        rows = await self._tx.fetch(
            QUERIES["plan_missions"],
            **_columns([each.facts for each in plans]),
            status=mission_target(event),
            sources=mission_sources(event),
            plans=[each.plan for each in plans],
            plan_hashes=[each.plan_hash for each in plans],
            playbooks=[each.playbook for each in plans],
            playbook_versions=[each.playbook_version for each in plans],
            recall_after=recall_after,
        )
        return {row["mission_id"] for row in rows}

    async def ask(self, mission_id: str, approval_id: str) -> bool:
        """People are asked; False when the mission was decided already."""
        event = MissionEvent.ASK
        found = await self._tx.fetchval(
            QUERIES["ask_mission"],
            mission_id=mission_id,
            status=mission_target(event),
            sources=mission_sources(event),
            approval_id=approval_id,
        )
        return found is not None

    async def allow(self, grants: Sequence[tuple[str, str, str]]) -> set[str]:
        """Missions (with approval and plan hash) may act; absent are those decided already."""
        event = MissionEvent.GRANT
        rows = await self._tx.fetch(
            QUERIES["allow_missions"],
            status=mission_target(event),
            sources=mission_sources(event),
            mission_ids=[mission_id for mission_id, _, _ in grants],
            approval_ids=[approval_id for _, approval_id, _ in grants],
            plan_hashes=[plan_hash for _, _, plan_hash in grants],
        )
        return {row["mission_id"] for row in rows}

    async def resume(self, mission_id: str) -> None:
        """The mission goes on; nothing where another of its contracts ended it."""
        event = MissionEvent.RESUME
        await self._tx.execute(
            QUERIES["resume_mission"],
            mission_id=mission_id,
            status=mission_target(event),
            sources=mission_sources(event),
        )

    async def attend(self, mission_id: str, reason: str) -> None:
        """The mission rests until an operator looks at it."""
        event = MissionEvent.ATTEND
        await self._tx.execute(
            QUERIES["attend_mission"],
            mission_id=mission_id,
            status=mission_target(event),
            sources=mission_sources(event),
            reason=reason,
        )

    async def close(self, event: MissionEvent, ends: Sequence[MissionEnd]) -> list[ClosedMission]:
        """End missions in one way; returns those that had not ended already."""
        rows = await self._tx.fetch(
            QUERIES["close_missions"],
            status=mission_target(event),
            sources=mission_sources(event),
            mission_ids=[end.mission_id for end in ends],
            confidences=[end.confidence for end in ends],
            reasons=[end.reason for end in ends],
        )
        return [ClosedMission(**dict(row)) for row in rows]

    async def lock(self, mission_ids: Collection[str]) -> None:
        """Keep missions to this transaction: always before their contracts, never after."""
        await self._tx.execute(QUERIES["lock_missions"], mission_ids=list(mission_ids))

    async def standing(self, mission_id: str) -> Standing | None:
        """Return where a mission stands, or None when there is none."""
        row = await self._tx.fetchrow(QUERIES["mission_state"], mission_id=mission_id)
        return Standing(MissionStatus(row["status"]), row["plan_hash"]) if row else None

    async def parts(self, mission_ids: Collection[str]) -> dict[str, list[Part]]:
        """Return the contracts of missions, each in their order."""
        found: defaultdict[str, list[Part]] = defaultdict(list)
        for row in await self._tx.fetch(QUERIES["parts"], mission_ids=list(mission_ids)):
            found[row["mission_id"]].append(part_of(row))
        return found

    async def is_troubled(self, target: str) -> bool:
        """Whether a mission is open about a target."""
        found: bool = await self._tx.fetchval(QUERIES["is_troubled"], target=target)
        return found

    async def was_troubled(self, target: str, *, since: datetime) -> bool:
        """Whether a mission about a target was open at any time since a moment."""
        found: bool = await self._tx.fetchval(QUERIES["was_troubled"], target=target, since=since)
        return found

    async def claim_recalls(
        self, *, most: int, recall_after: timedelta, recall_at_most: timedelta
    ) -> Sequence[Recall]:
        """Take the missions that have waited for too long."""
        rows = await self._tx.fetch(
            QUERIES["claim_recalls"],
            most=most,
            recall_after=recall_after,
            recall_at_most=recall_at_most,
        )
        return [
            Recall(row["mission_id"], MissionStatus(row["status"]), row["correlation_id"])
            for row in rows
        ]

    async def tell(self, lines: Sequence[Line]) -> None:
        """Add lines to the stories of their missions, each once; none where there is no mission."""
        await self._tx.execute(
            QUERIES["insert_events"],
            event_ids=[line.event_id for line in lines],
            mission_ids=[line.mission_id for line in lines],
            contract_ids=[line.contract_id for line in lines],
            services=[line.service for line in lines],
            subjects=[line.subject for line in lines],
            summaries=[line.summary for line in lines],
            moments=[line.at for line in lines],
        )

    async def attention(self) -> int:
        """Return how many need a person, over all tenants."""
        count: int = await self._tx.fetchval(QUERIES["count_attention"])
        return count

    async def tell_open(
        self, *, event_id: UUID, service: str, subject: str, summary: str, at: datetime
    ) -> None:
        """Add a line to the story of every mission that has not ended, once."""
        await self._tx.execute(
            QUERIES["tell_open_missions"],
            event_id=event_id,
            service=service,
            subject=subject,
            summary=summary,
            at=at,
        )


def _columns(facts: Sequence[MissionFacts]) -> dict[str, list[str | None]]:
    return {
        "mission_ids": [each.mission_id for each in facts],
        "tenant_ids": [each.tenant_id for each in facts],
        "kinds": [each.kind for each in facts],
        "targets": [each.target for each in facts],
        "requested_by": [each.requested_by for each in facts],
        "correlation_ids": [each.correlation_id for each in facts],
    }
