"""Errors that come in: what they are counted on, and what they leave there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from grace.intent.domain.mission import Mission
from grace.intent.domain.reporter import Report
from grace.intent.domain.signal import Group, LastMission, Signal
from grace.intent.store.missions import mission_of
from grace.intent.store.reporters import Joined, Reporters
from grace.kit import Queries, Transaction

QUERIES = Queries.beside(__file__)
# Of one mission: who names another instance in every report must not fill the table.
_MOST = 256
_NOBODY: Mapping[str, Sequence[Report]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Found:
    """What an intake meets: what time it is, the mark of the rules that shape it, and missions.

    Without a mark no rule shapes it.
    """

    now: datetime
    rules: str | None
    missions: Sequence[LastMission]


class Captures:
    """What becomes of errors, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def lock(self, fingerprints: Sequence[str], late_window: timedelta) -> Found:
        """Lock the last mission of each fingerprint: open, or closed within the window.

        Fingerprints come sorted, so that two replicas wait for each other in one order.
        """
        rows = await self._tx.fetch(
            QUERIES["lock_missions"], fingerprints=fingerprints, late_window=late_window
        )
        over = [row["mission_id"] for row in rows if row["over_at"] and row["closed_at"]]
        ends = await Reporters(self._tx).over(over) if over else {}
        found = [
            LastMission(
                row["mission_id"],
                row["fingerprint"],
                row["closed_at"],
                ends.get(row["mission_id"]),
            )
            for row in rows
            if row["mission_id"] is not None
        ]
        return Found(rows[0]["now"], rows[0]["rules"], found)

    async def capture(
        self,
        groups: Sequence[Group],
        mission_ids: Sequence[str],
        *,
        recall_after: timedelta,
        kept: int = 1,
        reports: Mapping[str, Sequence[Report]] = _NOBODY,
    ) -> tuple[list[Mission], list[Joined]]:
        """Count each group on its open mission, or open one under its id of `mission_ids`.

        Of every mission the first `kept` signals are kept, and who sent the `reports` of each fingerprint;
        with the missions comes who is new to one that another opened.
        """
        rows = await self._tx.fetch(
            QUERIES["capture_signals"],
            mission_ids=mission_ids,
            recall_after=recall_after,
            kept=kept,
            most=_MOST,
            **_counted(groups),
            **_samples(groups, kept),
            **_reported(reports),
        )
        joined = [
            Joined(row["tenant_id"], row["mission_id"], principal)
            for row in rows
            for principal in row["joined"] or ()
        ]
        return [mission_of(row) for row in rows], joined

    async def count_late(self, late: Sequence[tuple[LastMission, Group]]) -> list[Mission]:
        """Count each group on the mission that has ended since it was sent."""
        rows = await self._tx.fetch(
            QUERIES["count_late"],
            mission_ids=[mission.mission_id for mission, _ in late],
            counts=[len(group.signals) for _, group in late],
            last_detected_at=[group.last_detected_at for _, group in late],
        )
        return [mission_of(row) for row in rows]

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


def _counted(groups: Sequence[Group]) -> dict[str, object]:
    firsts, lasts = [group.first for group in groups], [group.last for group in groups]
    return {
        "tenants": [first.tenant for first in firsts],
        "fingerprints": [group.fingerprint for group in groups],
        "signal_ids": [first.id for first in firsts],
        "sources": [first.source for first in firsts],
        "kinds": [first.kind for first in firsts],
        "targets": [first.target for first in firsts],
        "messages": [first.message for first in firsts],
        "severities": [first.severity for first in firsts],
        "principals": [first.requested_by for first in firsts],
        "intent_ids": [first.intent_id for first in firsts],
        "detected_at": [group.detected_at for group in groups],
        "last_detected_at": [group.last_detected_at for group in groups],
        "counts": [group.count for group in groups],
        "last_signal_ids": [last.id for last in lasts],
        "last_issued_at": [last.issued_at for last in lasts],
    }


def _samples(groups: Sequence[Group], kept: int) -> dict[str, object]:
    """The first signals of each group, with its fingerprint and their place in it from 1."""
    found = [
        (group.fingerprint, place, signal)
        for group in groups
        for place, signal in enumerate(group.signals[:kept], start=1)
    ]
    signals = [signal for _, _, signal in found]
    return {
        "sample_ids": [signal.id for signal in signals],
        "sample_fingerprints": [fingerprint for fingerprint, _, _ in found],
        "places": [place for _, place, _ in found],
        "sample_sources": [signal.source for signal in signals],
        "sample_messages": [signal.message for signal in signals],
        "sample_severities": [signal.severity for signal in signals],
        "sample_principals": [signal.requested_by for signal in signals],
        "details": [signal.details for signal in signals],
        "sample_detected_at": [signal.detected_at for signal in signals],
        "issued_at": [signal.issued_at for signal in signals],
    }


def _reported(reports: Mapping[str, Sequence[Report]]) -> dict[str, object]:
    found = [(fingerprint, each) for fingerprint, some in reports.items() for each in some]
    return {
        "reported": [fingerprint for fingerprint, _ in found],
        "reporters": [each.principal for _, each in found],
        "reporter_sources": [each.source for _, each in found],
        "instances": [each.instance for _, each in found],
        "fired_at": [each.fired_at for _, each in found],
        "sent_at": [each.sent_at for _, each in found],
    }
