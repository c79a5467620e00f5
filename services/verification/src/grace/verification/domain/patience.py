"""How long to wait for word of a task before htm is asked for it again."""

from datetime import datetime, timedelta

# In shortest pauses: word that was lost costs no more than this.
_LONGEST = 5
# In shortest pauses: nearly all words come sooner, also where much is waited for.
_FIRST = 3


def first_patience(shortest: timedelta) -> timedelta:
    """How long to wait for word of a task that nobody can have told of yet."""
    return _FIRST * shortest


def patience(since: datetime, *, now: datetime, shortest: timedelta) -> timedelta:
    """Half of the time that it has taken already: where everything takes long, asking makes it longer.

    Word of its end comes by itself; this only finds what was lost.
    """
    return min(max(shortest, (now - since) / 2), _LONGEST * shortest)
