"""Lanes: what a task asks for beyond its kernel. A task that must wait hides none of another lane."""

from dataclasses import dataclass
from enum import StrEnum


class Size(StrEnum):
    """How much a task carries, by the bytes that its operation is given."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


SMALL_BYTES = 16 * 1024
MEDIUM_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Lane:
    """What a task needs of a worker, the key whose limit it counts under, the worker it prefers."""

    size: Size = Size.SMALL
    requires: frozenset[str] = frozenset()
    limit_key: str | None = None
    affinity: str | None = None

    def __str__(self) -> str:
        """As it is stored: empty for what most tasks are. Identifiers hold neither mark."""
        size = "" if self.size is Size.SMALL else self.size
        parts = (size, ",".join(sorted(self.requires)), self.limit_key or "", self.affinity or "")
        return "|".join(parts) if any(parts) else ""


PLAIN = Lane()


def lane_of(text: str) -> Lane:
    """Read a lane as it is stored."""
    if not text:
        return PLAIN
    size, words, limit_key, affinity = text.split("|")
    return Lane(
        size=Size(size or Size.SMALL),
        requires=frozenset(words.split(",")) if words else frozenset(),
        limit_key=limit_key or None,
        affinity=affinity or None,
    )


def size_of(data_size_bytes: int) -> Size:
    """The class of a task that carries so much."""
    if data_size_bytes <= SMALL_BYTES:
        return Size.SMALL
    return Size.MEDIUM if data_size_bytes <= MEDIUM_BYTES else Size.LARGE


def sizes_within(largest_bytes: int | None) -> frozenset[Size]:
    """The classes of which a worker takes every task; None takes all."""
    if largest_bytes is None:
        return frozenset(Size)
    bounds = {Size.SMALL: SMALL_BYTES, Size.MEDIUM: MEDIUM_BYTES}
    return frozenset(size for size, bound in bounds.items() if bound <= largest_bytes)
