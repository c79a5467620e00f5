"""Who may decide on a request, and for whom: seats, groups, delegations, and who asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delegation:
    """One person may decide in another's place, on one request, until a moment."""

    delegated_by: str
    delegated_to: str
    delegated_at: datetime
    ends_at: datetime
    reason: str

    def is_valid(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.delegated_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Electorate:
    """What is known about people when a request is decided on. Every name is one person's.

    `groups` tells the group of each approver; None where nobody was ever seated in the tenant: then
    everybody who comes through the door is an approver, and a group of their own.
    """

    requesters: frozenset[str]
    groups: Mapping[str, str] | None = None
    delegations: tuple[Delegation, ...] = ()

    def group_of(self, seat: str) -> str | None:
        """The group that a seat speaks for; None where it is no seat, or that of who asked."""
        if seat in self.requesters:
            return None
        return seat if self.groups is None else self.groups.get(seat)

    def seats_of(self, voter: str, *, at: datetime) -> tuple[str, ...]:
        """The seats that a person may decide from: their own first, then those lent to them."""
        if voter in self.requesters:
            return ()
        lent = [
            each.delegated_by
            for each in self.delegations
            if each.delegated_to == voter and each.is_valid(at)
        ]
        return tuple(seat for seat in (voter, *lent) if self.group_of(seat) is not None)


def person(principal: str) -> str:
    """The one name of a person: capital letters do not make another."""
    return principal.lower()
