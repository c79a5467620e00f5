"""Every statement of htm, as a typed function; one class per noun."""

from grace.htm.store.attempts import Attempts
from grace.htm.store.claims import Claimed, Claims
from grace.htm.store.fairness import Limits, Line, Quotas
from grace.htm.store.schedules import Schedules
from grace.htm.store.steering import Queues, Steering
from grace.htm.store.tasks import Tasks
from grace.htm.store.told import (
    hint_work,
    tell_enqueued,
    tell_followed,
    tell_moved,
    tell_sla,
    tell_steered,
)
from grace.htm.store.unique import UniqueKeys

__all__ = [
    "Attempts",
    "Claimed",
    "Claims",
    "Limits",
    "Line",
    "Queues",
    "Quotas",
    "Schedules",
    "Steering",
    "Tasks",
    "UniqueKeys",
    "hint_work",
    "tell_enqueued",
    "tell_followed",
    "tell_moved",
    "tell_sla",
    "tell_steered",
]
