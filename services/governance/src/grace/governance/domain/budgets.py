"""What may change without asking: a person's standing approval, and so much in a window of time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from grace.governance.domain.autonomy import INITIAL, Key, Level


@dataclass(frozen=True, slots=True)
class Trust:
    """A person's word that a playbook may change so many targets of a class, until a moment."""

    standing_id: str
    key: Key
    given_by: str
    given_at: datetime
    expires_at: datetime
    budget: int
    used: int
    reason: str
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def covers(self, changes: int, *, requesters: Collection[str], now: datetime) -> bool:
        """Whether it carries so many more changes: never those that its giver asked for."""
        return (
            self.revoked_at is None
            and now < self.expires_at
            and self.used + changes <= self.budget
            and self.given_by.lower() not in {each.lower() for each in requesters}
        )


@dataclass(frozen=True, slots=True)
class Room:
    """What one plan may rely on."""

    level: Level = INITIAL
    trust: Trust | None = None
    recent_changes: int = 0
    change_budget: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a plan would take of budgets: its changes, and everybody who asked for them."""

    key: Key
    changes: int
    requesters: frozenset[str]


def rooms(
    wishes: Sequence[Wish],
    *,
    levels: Mapping[Key, Level],
    trusts: Iterable[Trust],
    recent: Mapping[tuple[str, str], int],
    budget: int,
    now: datetime,
) -> list[Room]:
    """What each plan may rely on, in order: what one takes is not there for the next."""
    open_trusts, taken = list(trusts), dict(recent)
    found: list[Room] = []
    for wish in wishes:
        place = (wish.key.tenant_id, wish.key.target_class)
        level, changed = levels.get(wish.key, INITIAL), taken.get(place, 0)
        trust = _trust_for(wish, open_trusts, now) if level is Level.AUTO else None
        if trust is not None:
            spent = replace(trust, used=trust.used + wish.changes)
            open_trusts[open_trusts.index(trust)] = spent
            taken[place] = changed + wish.changes
        found.append(Room(level, trust, changed, budget))
    return found


def _trust_for(wish: Wish, trusts: Sequence[Trust], now: datetime) -> Trust | None:
    """The one that ends first of those that carry it."""
    fitting = [
        each
        for each in trusts
        if each.key == wish.key and each.covers(wish.changes, requesters=wish.requesters, now=now)
    ]
    return min(fitting, key=lambda each: each.expires_at, default=None)
