"""The loops that handlers wake: they are built elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wakes:
    """The classes of the loops."""

    watch: type
    submit: type
    follow: type
    count: type
