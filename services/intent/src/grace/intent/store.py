"""Every statement of intent, as a typed function."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grace.intent.domain.intent import Intent
from grace.intent.domain.lifecycle import State
from grace.intent.domain.playbook import Playbook
from grace.intent.domain.signal import Group, Mission, Signal
from grace.kit import Queries, Transaction
from grace.kit.sql import Record

QUERIES = Queries.beside(__file__)


class Store:
    """Intent's tables, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def lock_missions(
        self, fingerprints: Sequence[str], late_window: timedelta
    ) -> list[Mission]:
        """Return and lock the last mission of each fingerprint: open, or closed within the window.

        Fingerprints come sorted, so that two replicas wait for each other in one order.
        """
        rows = await self._tx.fetch(
            QUERIES["lock_missions"], fingerprints=fingerprints, late_window=late_window
        )
        return [Mission(row["mission_id"], row["fingerprint"], row["closed_at"]) for row in rows]

    async def capture(self, groups: Sequence[Group], mission_ids: Sequence[str]) -> list[Intent]:
        """Count each group on its open mission, or open one under its id of `mission_ids`."""
        firsts = [group.first for group in groups]
        rows = await self._tx.fetch(
            QUERIES["capture_signals"],
            mission_ids=mission_ids,
            tenants=[first.tenant for first in firsts],
            fingerprints=[group.fingerprint for group in groups],
            signal_ids=[first.id for first in firsts],
            sources=[first.source for first in firsts],
            kinds=[first.kind for first in firsts],
            targets=[first.target for first in firsts],
            messages=[first.message for first in firsts],
            severities=[first.severity for first in firsts],
            principals=[first.requested_by for first in firsts],
            detected_at=[group.detected_at for group in groups],
            last_detected_at=[group.last_detected_at for group in groups],
            counts=[len(group.signals) for group in groups],
        )
        return [_intent(row) for row in rows]

    async def count_late(self, late: Sequence[tuple[Mission, Group]]) -> list[Intent]:
        """Count each group on the mission that has ended since it was sent."""
        rows = await self._tx.fetch(
            QUERIES["count_late"],
            mission_ids=[mission.mission_id for mission, _ in late],
            counts=[len(group.signals) for _, group in late],
            last_detected_at=[group.last_detected_at for _, group in late],
        )
        return [_intent(row) for row in rows]

    async def keep_signals(self, samples: Sequence[tuple[str, Signal]]) -> None:
        """Keep signals as samples of their missions."""
        signals = [signal for _, signal in samples]
        await self._tx.execute(
            QUERIES["keep_signals"],
            ids=[signal.id for signal in signals],
            mission_ids=[mission_id for mission_id, _ in samples],
            sources=[signal.source for signal in signals],
            messages=[signal.message for signal in signals],
            severities=[signal.severity for signal in signals],
            principals=[signal.requested_by for signal in signals],
            details=[signal.details for signal in signals],
            detected_at=[signal.detected_at for signal in signals],
            issued_at=[signal.issued_at for signal in signals],
        )

    async def find_intent(self, mission_id: str) -> Intent | None:
        """Return a mission's intent, or None."""
        row = await self._tx.fetchrow(QUERIES["find_intent"], mission_id=mission_id)
        return None if row is None else _intent(row)

    async def close_missions(self, ends: Sequence[tuple[str, str, datetime]]) -> frozenset[str]:
        """Close missions, each given as id, outcome and time; return which were open until now."""
        rows = await self._tx.fetch(
            QUERIES["close_missions"],
            mission_ids=[mission_id for mission_id, _, _ in ends],
            outcomes=[outcome for _, outcome, _ in ends],
            closed_at=[at for _, _, at in ends],
        )
        return frozenset(row["mission_id"] for row in rows)

    async def claim_captured(self, *, most: int, lease: timedelta) -> list[Intent]:
        """Take at most so many captured errors for planning, for the time of the lease."""
        rows = await self._tx.fetch(QUERIES["claim_captured"], most=most, lease=lease)
        return [_intent(row) for row in rows]

    async def finish_plan(
        self, intent: Intent, playbook: Playbook, plan: bytes, plan_hash: str
    ) -> bool:
        """Store the plan; False when another attempt was faster or the mission has ended."""
        row = await self._tx.fetchrow(
            QUERIES["finish_plan"],
            mission_id=intent.mission_id,
            attempt=intent.attempt,
            plan=plan,
            plan_hash=plan_hash,
            playbook=playbook.name,
            playbook_version=playbook.version,
        )
        return row is not None

    async def block_plan(self, intent: Intent, reason: str) -> bool:
        """Store that no playbook can answer; False when this attempt is stale."""
        row = await self._tx.fetchrow(
            QUERIES["block_plan"],
            mission_id=intent.mission_id,
            attempt=intent.attempt,
            reason=reason,
        )
        return row is not None

    async def postpone_plan(self, intent: Intent, reason: str, delay: timedelta) -> bool:
        """Try again after the delay; False when this attempt is stale."""
        row = await self._tx.fetchrow(
            QUERIES["postpone_plan"],
            mission_id=intent.mission_id,
            attempt=intent.attempt,
            reason=reason,
            delay=delay,
        )
        return row is not None

    async def pin_playbook(self, playbook: Playbook) -> bool:
        """Keep this version with its rule; False when the version stands for another text."""
        named = {"name": playbook.name, "version": playbook.version}
        added = await self._tx.execute(
            QUERIES["pin_playbook"],
            **named,
            content_hash=playbook.content_hash,
            source=playbook.source,
        )
        if added:
            await self._tx.execute(
                QUERIES["add_rule"],
                **named,
                condition=playbook.trigger.condition.text,
                priority=playbook.trigger.priority,
                enabled=playbook.enabled,
            )
        pinned: str = await self._tx.fetchval(QUERIES["find_pin"], **named)
        return pinned == playbook.content_hash

    async def active_playbooks(self) -> list[bytes]:
        """Return the texts of the playbooks in force."""
        rows = await self._tx.fetch(QUERIES["active_playbooks"])
        return [row["source"].encode() for row in rows]


def _intent(row: Record) -> Intent:
    return Intent(
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
    )
