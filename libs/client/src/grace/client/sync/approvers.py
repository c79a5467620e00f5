# Made from grace.client.aio by grace.client.twins: do not edit.
"""Approvers and reviews: who may decide, and what is due after one person decided alone."""

from collections.abc import Iterator

from grace.client.ask import delete, part, put, read
from grace.client.models import Page
from grace.client.sync.connection import Connection
from grace.contracts.governance import Approver, Review

_PATH = "/api/approvers"
_REVIEWS = "/api/reviews"


class Approvers(Connection):
    """The methods about approvers and reviews."""

    def approvers(self, *, limit: int = 50, cursor: str | None = None) -> Page[Approver]:
        """A page of those who have or had a seat, by name."""
        return self._page(_PATH, Approver, limit=limit, cursor=cursor)

    def each_approver(self) -> Iterator[Approver]:
        """Everybody who has or had a seat, by name."""
        return self._each(_PATH, Approver)

    def seat_approver(self, principal: str, group: str) -> Approver:
        """Give somebody else a seat, or another group."""
        ask = put(f"{_PATH}/{part(principal)}", {"group": group})
        return read(self._send(ask), Approver)

    def remove_approver(self, principal: str) -> Approver:
        """Take somebody else's seat away; their votes on what is pending fall."""
        return read(self._send(delete(f"{_PATH}/{part(principal)}")), Approver)

    def reviews(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Review]:
        """A page of reviews of broken glass, newest first."""
        return self._page(_REVIEWS, Review, status=status, limit=limit, cursor=cursor)

    def each_review(self, *, status: str | None = None) -> Iterator[Review]:
        """Every review, newest first."""
        return self._each(_REVIEWS, Review, status=status)

    def review(self, review_id: str) -> Review:
        """One review."""
        return self._get(f"{_REVIEWS}/{part(review_id)}", Review)

    def complete_review(self, review_id: str, finding: str, *, note: str) -> Review:
        """Say whether the glass was rightly broken: justified or unjustified."""
        body = {"finding": finding, "note": note}
        return self._post(f"{_REVIEWS}/{part(review_id)}/complete", Review, body)
