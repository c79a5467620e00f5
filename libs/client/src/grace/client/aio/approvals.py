"""Approvals: read what a plan would do, and decide on exactly that."""

from collections.abc import AsyncIterator
from datetime import datetime

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Page
from grace.contracts.governance import Approval

_PATH = "/api/approvals"


class Approvals(Connection):
    """The methods about approvals."""

    async def approvals(
        self,
        *,
        status: str | None = None,
        tier: int | None = None,
        mission_id: str | None = None,
        requested_by: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Approval]:
        """A page of approvals, newest first, without their contracts."""
        return await self._page(
            _PATH,
            Approval,
            status=status,
            tier=tier,
            mission_id=mission_id,
            requested_by=requested_by,
            limit=limit,
            cursor=cursor,
        )

    def each_approval(self, *, status: str | None = None) -> AsyncIterator[Approval]:
        """Every approval, newest first, without their contracts."""
        return self._each(_PATH, Approval, status=status)

    async def approval(self, approval_id: str) -> Approval:
        """One approval with the exact text of its contracts."""
        return await self._get(f"{_PATH}/{part(approval_id)}", Approval)

    async def approve(
        self,
        approval_id: str,
        shown_hash: str,
        *,
        reason: str | None = None,
        if_version: int | None = None,
    ) -> Approval:
        """Approve the plan that `shown_hash` stands for. Stale where it has another version."""
        return await self._decide(approval_id, "approve", shown_hash, reason, if_version)

    async def reject(
        self,
        approval_id: str,
        shown_hash: str,
        *,
        reason: str | None = None,
        if_version: int | None = None,
    ) -> Approval:
        """Reject the plan that `shown_hash` stands for, for good."""
        return await self._decide(approval_id, "reject", shown_hash, reason, if_version)

    async def delegate(
        self, approval_id: str, delegated_to: str, *, ends_at: datetime, reason: str
    ) -> Approval:
        """Let another decide in one's place, until a moment with a time zone."""
        body = {"delegated_to": delegated_to, "ends_at": ends_at.isoformat(), "reason": reason}
        return await self._post(f"{_PATH}/{part(approval_id)}/delegate", Approval, body)

    async def break_glass(
        self, approval_id: str, shown_hash: str, *, reason: str, if_version: int | None = None
    ) -> Approval:
        """Grant alone, in an emergency. It is told to everybody, and opens a review."""
        return await self._decide(approval_id, "break-glass", shown_hash, reason, if_version)

    async def _decide(
        self,
        approval_id: str,
        word: str,
        shown_hash: str,
        reason: str | None,
        if_version: int | None,
    ) -> Approval:
        return await self._post(
            f"{_PATH}/{part(approval_id)}/{word}",
            Approval,
            {"shown_hash": shown_hash, "reason": reason},
            headers={"If-Match": "*" if if_version is None else f'"{if_version}"'},
        )
