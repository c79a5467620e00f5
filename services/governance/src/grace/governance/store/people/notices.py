"""What webhooks are still to be told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from grace.governance.domain.notices import Notice
from grace.governance.store.people.statements import QUERIES
from grace.kit import Transaction


class Notices:
    """The table of notices, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def queue(
        self, message_id: UUID, urls: Sequence[str], *, tenant_id: str, subject: str, body: str
    ) -> None:
        """Keep a message for each webhook."""
        await self._tx.execute(
            QUERIES["queue_notices"],
            message_id=message_id,
            urls=list(urls),
            tenant_id=tenant_id,
            subject=subject,
            body=body,
        )

    async def claim(self, *, claim_for: timedelta, limit: int) -> list[Notice]:
        """Take notices that are due; nobody else has them until the claim ends."""
        rows = await self._tx.fetch(QUERIES["claim_notices"], claim_for=claim_for, limit=limit)
        return [Notice(**row) for row in rows]

    async def sent(self, notice: Notice) -> bool:
        """Note that a webhook has taken it. False when another try was later."""
        rows = await self._tx.execute(
            QUERIES["end_notice"],
            message_id=notice.message_id,
            url=notice.url,
            tries=notice.tries,
            status="sent",
            error=None,
        )
        return rows == 1

    async def given_up(self, notice: Notice, error: str) -> bool:
        """Note that nobody will take it any more."""
        rows = await self._tx.execute(
            QUERIES["end_notice"],
            message_id=notice.message_id,
            url=notice.url,
            tries=notice.tries,
            status="given_up",
            error=error,
        )
        return rows == 1

    async def postpone(self, notice: Notice, error: str, *, next_at: datetime) -> bool:
        """Try it again later."""
        rows = await self._tx.execute(
            QUERIES["postpone_notice"],
            message_id=notice.message_id,
            url=notice.url,
            tries=notice.tries,
            next_at=next_at,
            error=error,
        )
        return rows == 1

    async def forget(self, *, kept_for: timedelta, limit: int) -> int:
        """Delete what ended long ago; return how many."""
        return await self._tx.execute(QUERIES["forget_notices"], kept_for=kept_for, limit=limit)
