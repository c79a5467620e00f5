"""Approvals: read what a plan would do, and decide on exactly that."""

from collections.abc import AsyncIterator

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Page
from grace.contracts.governance import Approval

_PATH = "/api/approvals"


class Approvals(Connection):
    """The methods about approvals."""

    async def approvals(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Approval]:
        """A page of approvals, newest first, without their contracts."""
        return await self._page(_PATH, Approval, status=status, limit=limit, cursor=cursor)

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
