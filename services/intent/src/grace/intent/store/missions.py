"""Missions: captured, planned, ended."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from grace.intent.domain.consideration import Considered
from grace.intent.domain.lifecycle import State
from grace.intent.domain.mission import Mission
from grace.intent.domain.playbook import Playbook
from grace.intent.domain.signal import Group, Signal
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction, new_id
from grace.kit.sql import Record


@dataclass(frozen=True, slots=True)
class Ended:
    """How and when a mission ended; `reason` is None where none was given."""

    mission_id: str
    outcome: str
    closed_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """A mission that has just ended, and the report that its end does not answer, if there is one."""

    mission_id: str
    missed: Group | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was decided for a mission; what a decision does not have is None.

    `due` is when a mission that waits is planned again.
    """

    mission: Mission
    state: State
    considered: tuple[Considered, ...] = ()
    playbook: Playbook | None = None
    plan: bytes | None = None
    plan_hash: str | None = None
    reason: str | None = None
    due: datetime | None = None
    hold: str | None = None
    until: datetime | None = None


class Missions:
    """The missions and their signals, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def find(self, mission_id: str) -> Mission | None:
        """Return a mission, or None."""
        row = await self._tx.fetchrow(QUERIES["find_mission"], mission_id=mission_id)
        return None if row is None else mission_of(row)

    async def close(self, ends: Sequence[Ended]) -> list[Closed]:
        """Close missions; return which were open until now."""
        rows = await self._tx.fetch(
            QUERIES["close_missions"],
            mission_ids=[end.mission_id for end in ends],
            outcomes=[end.outcome for end in ends],
            closed_at=[end.closed_at for end in ends],
            reasons=[end.reason for end in ends],
        )
        return [_closed_of(row) for row in rows]

    async def claim_recalls(
        self, *, most: int, recall_after: timedelta, recall_at_most: timedelta
    ) -> list[tuple[str, str]]:
        """Take the missions whose end is overdue, each as tenant and id; they are asked about."""
        rows = await self._tx.fetch(
            QUERIES["claim_recalls"],
            most=most,
            recall_after=recall_after,
            recall_at_most=recall_at_most,
        )
        return [(row["tenant_id"], row["mission_id"]) for row in rows]

    async def claim_captured(self, *, most: int, lease: timedelta) -> list[Mission]:
        """Take at most so many captured errors for planning, for the time of the lease."""
        rows = await self._tx.fetch(QUERIES["claim_captured"], most=most, lease=lease)
        return [mission_of(row) for row in rows]

    async def evidence(self, missions: Sequence[Mission]) -> dict[str, str | None]:
        """Return what the first report of each mission has as evidence."""
        rows = await self._tx.fetch(
            QUERIES["find_evidence"], signal_ids=[mission.signal_id for mission in missions]
        )
        return {row["mission_id"]: row["details"] for row in rows}

    async def explanation(self, mission_id: str) -> Record | None:
        """Return what was decided about a mission, and what was considered."""
        return await self._tx.fetchrow(QUERIES["find_explanation"], mission_id=mission_id)

    async def settle(self, decided: Sequence[Settled]) -> frozenset[str]:
        """Store what was decided; return whose attempt was not stale."""
        rows = await self._tx.fetch(
            QUERIES["settle_plans"],
            mission_ids=[one.mission.mission_id for one in decided],
            attempts=[one.mission.attempt for one in decided],
            statuses=[one.state.value for one in decided],
            plans=[one.plan for one in decided],
            plan_hashes=[one.plan_hash for one in decided],
            playbooks=[one.playbook and one.playbook.name for one in decided],
            versions=[one.playbook and one.playbook.version for one in decided],
            reasons=[one.reason for one in decided],
            due=[one.due for one in decided],
            holds=[one.hold for one in decided],
            until=[one.until for one in decided],
            considered=[_written(one.considered) for one in decided],
        )
        return frozenset(row["mission_id"] for row in rows)


def _written(considered: Sequence[Considered]) -> str:
    return json.dumps([asdict(each) for each in considered])


def _closed_of(row: Record) -> Closed:
    missed = Group(row["fingerprint"], (_last(row),)) if _is_missed(row) else None
    return Closed(row["mission_id"], missed)


def _is_missed(row: Record) -> bool:
    """Tell whether the end is no answer to the last report: it came later, or what was over is back.

    It may be back for others than those for whom it was over, who saw it long before.

    The report that opened a mission is answered by its end, however the clocks of both differ.
    """
    sent, over_at = row["last_issued_at"], row["over_at"]
    if over_at is not None and row["still_reported"]:
        return True
    if sent is None or row["last_signal_id"] == row["signal_id"]:
        return False
    return sent > row["closed_at"] or (over_at is not None and row["last_detected_at"] > over_at)


def _last(row: Record) -> Signal:
    """Return the last report of a mission as one of its own: what is equal is told by the first."""
    return Signal(
        id=new_id(),
        tenant=row["tenant_id"],
        source=row["source"],
        kind=row["kind"],
        target=row["target"],
        message=row["message"],
        severity=row["severity"],
        details=row["last_details"],
        requested_by=row["last_requested_by"] or row["requested_by"],
        detected_at=row["last_detected_at"],
        issued_at=row["last_issued_at"],
    )


def mission_of(row: Record) -> Mission:
    """Return the mission of a row."""
    return Mission(
        mission_id=row["mission_id"],
        tenant_id=row["tenant_id"],
        signal_id=str(row["signal_id"]),
        fingerprint=row["fingerprint"],
        source=row["source"],
        kind=row["kind"],
        target=row["target"],
        message=row["message"],
        severity=row["severity"],
        requested_by=row["requested_by"],
        detected_at=row["detected_at"],
        captured_at=row["captured_at"],
        signal_count=row["signal_count"],
        state=State(row["status"]),
        attempt=row["plan_attempt"],
        plan=row["plan"],
        plan_hash=row["plan_hash"],
        reason=row["reason"],
        blocked_at=row["blocked_at"],
        intent_id=row["intent_id"],
        hold=row["hold"],
        released_at=row["released_at"],
        held_until=row["held_until"],
        over_at=row["over_at"],
        last_issued_at=row["last_issued_at"],
    )
