"""The glass that was broken: one decision without quorum each, and the review that it opens."""

from datetime import datetime, timedelta

from grace.governance.domain.approvals import Request
from grace.governance.domain.quorum import Decided
from grace.governance.domain.reviews import Finding, Review, Status
from grace.governance.store.people.statements import QUERIES
from grace.kit import Record, Transaction


class Reviews:
    """The reviews, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def break_request(
        self, request: Request, decided: Decided, *, at: datetime, reason: str, granted: str
    ) -> bool:
        """Grant a pending request by one person's word. False when it moved on."""
        rows = await self._tx.execute(
            QUERIES["break_request"],
            approval_id=request.approval_id,
            version=request.version,
            decided_at=at,
            decided_by=list(decided.decided_by),
            reason=reason,
            granted=granted,
        )
        return rows == 1

    async def open(self, review: Review, *, remind_at: datetime) -> None:
        """Keep what is due from now on."""
        await self._tx.execute(
            QUERIES["open_review"],
            review_id=review.review_id,
            tenant_id=review.tenant_id,
            approval_id=review.approval_id,
            mission_id=review.mission_id,
            broken_by=review.broken_by,
            reason=review.reason,
            broken_at=review.broken_at,
            remind_at=remind_at,
        )

    async def page(
        self, tenant_id: str, *, status: Status | None, before: str | None, limit: int
    ) -> list[Review]:
        """Return a page, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_reviews"], tenant_id=tenant_id, status=status, before=before, limit=limit
        )
        return [_review(row) for row in rows]

    async def find(self, tenant_id: str, review_id: str) -> Review | None:
        """Return one review of a tenant."""
        row = await self._tx.fetchrow(
            QUERIES["find_review"], tenant_id=tenant_id, review_id=review_id
        )
        return None if row is None else _review(row)

    async def lock(self, tenant_id: str, review_id: str) -> Review | None:
        """Return one review of a tenant, locked until the transaction ends."""
        row = await self._tx.fetchrow(
            QUERIES["lock_review"], tenant_id=tenant_id, review_id=review_id
        )
        return None if row is None else _review(row)

    async def complete(
        self, review: Review, *, reviewed_by: str, at: datetime, finding: Finding, note: str
    ) -> Review | None:
        """Say what was found. None when somebody was faster."""
        row = await self._tx.fetchrow(
            QUERIES["complete_review"],
            review_id=review.review_id,
            reviewed_by=reviewed_by,
            reviewed_at=at,
            finding=finding,
            note=note,
        )
        return None if row is None else _review(row)

    async def remind(self, *, now: datetime, interval: timedelta, limit: int) -> list[Review]:
        """Count another reminder of those that are due again, and return them."""
        rows = await self._tx.fetch(
            QUERIES["remind_reviews"], now=now, interval=interval, limit=limit
        )
        return [_review(row) for row in rows]

    async def count_open(self) -> int:
        """Return how many wait, over all tenants."""
        count: int = await self._tx.fetchval(QUERIES["count_open_reviews"])
        return count


def _review(row: Record) -> Review:
    columns = dict(row)
    columns["status"] = Status(columns["status"])
    columns["finding"] = Finding(columns["finding"]) if columns["finding"] else None
    return Review(**columns)
