"""How far an attempt says it is. It is shown, and decides nothing: only a report ends an attempt."""

from collections.abc import Iterable
from dataclasses import dataclass

from grace.htm.domain.owner import Fence, Owner

LONGEST_MESSAGE = 1000
WHOLE = 100


@dataclass(frozen=True, slots=True)
class Word:
    """Per cent of an attempt's work, and what it is at."""

    percent: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What an owner says of an attempt."""

    fence: Fence
    owner: Owner
    word: Word


def word_of(percent: int, message: str | None) -> Word:
    """What somebody says; nobody is further than whole, nor tells a novel."""
    short = message[:LONGEST_MESSAGE] if message is not None else None
    return Word(min(percent, WHOLE), short)


def is_behind(word: Word, known: Word | None) -> bool:
    """Whether an attempt was further already."""
    return known is not None and word.percent < known.percent


def furthest_of(told: Iterable[Progress]) -> tuple[Progress, ...]:
    """One word for each attempt, the furthest."""
    furthest: dict[Fence, Progress] = {}
    for each in told:
        known = furthest.get(each.fence)
        if known is None or not is_behind(each.word, known.word):
            furthest[each.fence] = each
    return tuple(furthest.values())
