"""The table of consents."""

from datetime import datetime, timedelta

from grace.contracts.governance import HeldConsent
from grace.governance.domain.consents import MOST_HELD, Consent, Scope, Status
from grace.governance.store.consents.lists import Held
from grace.governance.store.consents.statements import QUERIES
from grace.kit import Record, Transaction

_SCOPE = ("secret", "operation", "target", "target_class")


class Consents:
    """Consents, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def ask(self, consent: Consent) -> bool:
        """Keep what is asked for. False where the very same is asked for already."""
        row = await self._tx.fetchrow(
            QUERIES["insert_consent"],
            consent_id=consent.consent_id,
            tenant_id=consent.tenant_id,
            secret=consent.scope.secret,
            operation=consent.scope.operation,
            target=consent.scope.target,
            target_class=consent.scope.target_class,
            one_time=consent.one_time,
            asked_by=consent.asked_by,
            asked_at=consent.asked_at,
            reason=consent.reason,
            lifetime=consent.lifetime,
            mission_id=consent.mission_id,
        )
        return row is not None

    async def find(self, tenant_id: str, consent_id: str) -> Consent | None:
        """Return one of a tenant."""
        row = await self._tx.fetchrow(
            QUERIES["find_consent"], tenant_id=tenant_id, consent_id=consent_id
        )
        return None if row is None else _consent(row)

    async def count_ending(self, within: timedelta) -> int:
        """Return how many end soon that were meant to last, and that nobody gave anew."""
        found: int = await self._tx.fetchval(QUERIES["count_ending_consents"], within=within)
        return found

    async def lock(self, tenant_id: str, consent_id: str) -> Consent | None:
        """Return one of a tenant; nobody else changes it until the transaction ends."""
        row = await self._tx.fetchrow(
            QUERIES["lock_consent"], tenant_id=tenant_id, consent_id=consent_id
        )
        return None if row is None else _consent(row)

    async def page(
        self, tenant_id: str, *, status: str | None, before: str | None, limit: int, now: datetime
    ) -> list[Consent]:
        """Return a page, newest first; those for everybody are everybody's."""
        rows = await self._tx.fetch(
            QUERIES["list_consents"],
            tenant_id=tenant_id,
            status=status,
            before=before,
            limit=limit,
            now=now,
        )
        return [_consent(row) for row in rows]

    async def held(self, *, kept: timedelta) -> Held:
        """Return what workers hear; what ended is heard for a while."""
        rows = await self._tx.fetch(QUERIES["held_consents"], kept=kept, most=MOST_HELD)
        held = tuple(_held(row) for row in rows if row["consent_id"] is not None)
        return Held(rows[0]["at"], held)

    async def is_full(self, *, kept: timedelta) -> bool:
        """Whether no more fit what workers hear; nobody else adds until the transaction ends."""
        await self._tx.execute(QUERIES["lock_held"])
        count: int = await self._tx.fetchval(QUERIES["count_held"], kept=kept)
        return count >= MOST_HELD

    async def decide(
        self, consent: Consent, status: Status, *, by: str, note: str | None, now: datetime
    ) -> bool:
        """Keep what a person decided. False where somebody decided before."""
        rows = await self._tx.execute(
            QUERIES["decide_consent"],
            consent_id=consent.consent_id,
            status=status,
            decided_by=by,
            note=note,
            now=now,
        )
        return rows == 1

    async def use(self, consent_id: str, used_by: str, *, now: datetime) -> Consent | None:
        """Take a one-time consent. None where it cannot be had, or is had already."""
        row = await self._tx.fetchrow(
            QUERIES["use_consent"], consent_id=consent_id, used_by=used_by, now=now
        )
        return None if row is None else _consent(row)

    async def revoke(self, tenant_id: str, consent_id: str, *, by: str, now: datetime) -> bool:
        """Take one back. False where it was taken back, or refused, before."""
        rows = await self._tx.execute(
            QUERIES["revoke_consent"],
            tenant_id=tenant_id,
            consent_id=consent_id,
            revoked_by=by,
            now=now,
        )
        return rows == 1

    async def refused(self, tenant_id: str, scope: Scope, mission_id: str) -> None:
        """Keep that a mission waits for what is asked for."""
        await self._tx.execute(
            QUERIES["note_refused_mission"],
            tenant_id=tenant_id,
            secret=scope.secret,
            operation=scope.operation,
            target=scope.target,
            target_class=scope.target_class,
            mission_id=mission_id,
        )

    async def askers(self, consent: Consent) -> set[str]:
        """Return who wants any of the missions that wait for a consent."""
        rows = await self._tx.fetch(
            QUERIES["consent_askers"], tenant_id=consent.tenant_id, consent_id=consent.consent_id
        )
        return {row["principal"] for row in rows}


def _consent(row: Record) -> Consent:
    columns = dict(row)
    scope = Scope(*(columns.pop(name) for name in _SCOPE))
    return Consent(scope=scope, status=Status(columns.pop("status")), **columns)


def _held(row: Record) -> HeldConsent:
    columns = dict(row)
    del columns["at"]
    return HeldConsent(**columns)
