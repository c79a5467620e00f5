"""What is looked at: the statements of this folder's queries.sql, a class per noun."""

from grace.htm.store.watch.hours import Hours, counts_of, message_of
from grace.htm.store.watch.kernels import Kernels
from grace.htm.store.watch.levels import Levels, SlaMove
from grace.htm.store.watch.pages import COUNTED, Pages

__all__ = [
    "COUNTED",
    "Hours",
    "Kernels",
    "Levels",
    "Pages",
    "SlaMove",
    "counts_of",
    "message_of",
]
