"""The permit: whether workers may act at all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permit:
    """A version of the kill switch's position."""

    version: int
    allowed: bool
    reverts_allowed: bool
