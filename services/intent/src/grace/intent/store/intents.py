"""Submitted intents as they were asked for, with where their missions stand."""

import json
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from grace.contracts.intent import Intent
from grace.intent.domain.intent import Known, Submission, sla_met
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction
from grace.kit.sql import Record

_IN_A_LIST = 500  # characters of a goal or reason, so that a page of 100 fits one answer


class Intents:
    """The submitted intents, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def lock_intake(self) -> None:
        """Wait until no other batch is being taken in; the lock ends with the transaction."""
        await self._tx.execute(QUERIES["lock_intake"])

    async def known(self, submissions: Sequence[Submission]) -> list[Known]:
        """Return the accepted intents that have one of these ids or idempotency keys."""
        rows = await self._tx.fetch(
            QUERIES["known_intents"],
            tenants=[each.tenant for each in submissions],
            intent_ids=[each.intent_id for each in submissions],
            principals=[each.requested_by for each in submissions],
            keys=[each.idempotency_key for each in submissions],
        )
        return [
            Known(
                tenant=row["tenant_id"],
                intent_id=row["intent_id"],
                body_hash=row["body_hash"],
                requested_by=row["requested_by"],
                idempotency_key=row["idempotency_key"],
            )
            for row in rows
        ]

    async def insert(self, accepted: Sequence[tuple[Submission, str]]) -> None:
        """Keep new intents, each with the id of the mission that answers it."""
        intents = [intent for intent, _ in accepted]
        await self._tx.execute(
            QUERIES["insert_intents"],
            tenants=[intent.tenant for intent in intents],
            intent_ids=[intent.intent_id for intent in intents],
            body_hashes=[intent.body_hash for intent in intents],
            keys=[intent.idempotency_key for intent in intents],
            goals=[intent.goal for intent in intents],
            domains=[intent.domain for intent in intents],
            kinds=[intent.kind for intent in intents],
            targets=[intent.target for intent in intents],
            priorities=[intent.priority for intent in intents],
            sla_ms=[intent.sla_ms for intent in intents],
            details=[intent.details for intent in intents],
            principals=[intent.requested_by for intent in intents],
            mission_ids=[mission_id for _, mission_id in accepted],
        )

    async def find(self, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Intent]:
        """Return the intents that exist, by tenant and id."""
        asked = list(dict.fromkeys(ids))
        rows = await self._tx.fetch(
            QUERIES["find_intents"],
            tenants=[tenant for tenant, _ in asked],
            intent_ids=[intent_id for _, intent_id in asked],
        )
        return {(row["tenant_id"], row["intent_id"]): _intent(row) for row in rows}

    async def page(
        self, tenant_id: str, *, before: str | None, status: str | None, most: int
    ) -> list[Intent]:
        """Return a page of a tenant's intents, newest first, without what may be long."""
        rows = await self._tx.fetch(
            QUERIES["list_intents"], tenant_id=tenant_id, before=before, status=status, most=most
        )
        return [_shortened(_intent(row)) for row in rows]


def _intent(row: Record) -> Intent:
    return Intent(
        intent_id=row["intent_id"],
        tenant_id=row["tenant_id"],
        goal=row["goal"],
        domain=row["domain"],
        kind=row["kind"],
        target=row["target"],
        priority=row["priority"],
        sla_ms=row["sla_ms"],
        requested_by=row["requested_by"],
        status=row["status"],
        mission_id=row["mission_id"],
        reason=row["reason"],
        accepted_at=row["accepted_at"],
        sla_deadline=row["sla_deadline"],
        planned_at=row["planned_at"],
        closed_at=row["closed_at"],
        sla_met=_sla_met(row),
        playbook=row["playbook"],
        details=_details(row["details"]),
        reopened_at=row["reopened_at"],
    )


def _sla_met(row: Record) -> bool | None:
    return sla_met(
        row["status"],
        closed_at=row["closed_at"],
        deadline=row["sla_deadline"],
        now=row["read_at"],
        reopened=row["reopened_at"] is not None,
    )


def _details(text: str | None) -> dict[str, JsonValue] | None:
    if text is None:
        return None
    details: dict[str, JsonValue] = json.loads(text)
    return details


def _shortened(intent: Intent) -> Intent:
    reason = intent.reason and intent.reason[:_IN_A_LIST]
    kept = {"goal": intent.goal[:_IN_A_LIST], "reason": reason, "details": None}
    return intent.model_copy(update=kept)
