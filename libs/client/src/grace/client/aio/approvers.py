"""Approvers and reviews: who may decide, and what is due after one person decided alone."""

from collections.abc import AsyncIterator

from grace.client.aio.connection import Connection
from grace.client.ask import delete, part, put, read
from grace.client.models import Page
from grace.contracts.governance import Approver, Review

_PATH = "/api/approvers"
_REVIEWS = "/api/reviews"


class Approvers(Connection):
    """The methods about approvers and reviews."""

    async def approvers(self, *, limit: int = 50, cursor: str | None = None) -> Page[Approver]:
        """A page of those who have or had a seat, by name."""
        return await self._page(_PATH, Approver, limit=limit, cursor=cursor)

    def each_approver(self) -> AsyncIterator[Approver]:
        """Everybody who has or had a seat, by name."""
        return self._each(_PATH, Approver)

    async def seat_approver(self, principal: str, group: str) -> Approver:
        """Give somebody else a seat, or another group."""
        ask = put(f"{_PATH}/{part(principal)}", {"group": group})
        return read(await self._send(ask), Approver)

    async def remove_approver(self, principal: str) -> Approver:
        """Take somebody else's seat away; their votes on what is pending fall."""
        return read(await self._send(delete(f"{_PATH}/{part(principal)}")), Approver)

    async def reviews(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Review]:
        """A page of reviews of broken glass, newest first."""
        return await self._page(_REVIEWS, Review, status=status, limit=limit, cursor=cursor)

    def each_review(self, *, status: str | None = None) -> AsyncIterator[Review]:
        """Every review, newest first."""
        return self._each(_REVIEWS, Review, status=status)

    async def review(self, review_id: str) -> Review:
        """One review."""
        return await self._get(f"{_REVIEWS}/{part(review_id)}", Review)

    async def complete_review(self, review_id: str, finding: str, *, note: str) -> Review:
        """Say whether the glass was rightly broken: justified or unjustified."""
        body = {"finding": finding, "note": note}
        return await self._post(f"{_REVIEWS}/{part(review_id)}/complete", Review, body)
