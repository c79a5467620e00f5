"""When somebody who waits is heard again, and which group is asked next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often an approval is remembered, and the chain of groups that are asked in turn."""

    interval: timedelta
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminder:
    """The next word about an approval; `group` where it is another group's turn to be asked."""

    number: int
    remind_at: datetime
    group: str | None = None


def next_reminder(said: int, rhythm: Rhythm, *, now: datetime) -> Reminder:
    """The first one goes to whom the request went; each one after it one step up the chain."""
    number = said + 1
    return Reminder(number, now + rhythm.interval, _step(rhythm.chain, number))


def _step(chain: Sequence[str], number: int) -> str | None:
    place = number - 2
    return chain[place] if 0 <= place < len(chain) else None
