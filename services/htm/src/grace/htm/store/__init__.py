"""Every statement of htm, as a typed function; one class per noun."""

from grace.htm.store.attempts import Attempts
from grace.htm.store.claims import Claimed, Claims
from grace.htm.store.tasks import Tasks
from grace.htm.store.told import hint_work, tell_enqueued, tell_moved

__all__ = [
    "Attempts",
    "Claimed",
    "Claims",
    "Tasks",
    "hint_work",
    "tell_enqueued",
    "tell_moved",
]
