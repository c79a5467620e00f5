"""Cuts a text into passages: small enough to cite, and never torn where a person would not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grace.knowledge.domain.graphemes import cut_before, may_cut

MOST_CHARACTERS = 1_000  # of a passage: about two hundred words, what a reader takes in at a glance
_OVERLAP = 150  # so that a sentence or two at a seam is whole in one of its sides
# Where a passage ends best, best first. Each takes one step per character, whatever the text.
_SEAMS = (
    re.compile(r"\n[ \t\r]*\n"),
    re.compile(r"[\u3002\uff01\uff1f]|(?<=[.!?\u2026])[\"'\u201d\u2019)\]]?\s|\n"),
    re.compile(r"\s"),
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: `content[start:end]`, in code points."""

    position: int
    start: int
    end: int
    text: str


def cut(content: str) -> Iterator[Chunk]:
    """Yield passages that together hold every character; neighbours overlap a little."""
    position = start = end = 0
    while end < len(content):
        end = _end(content, start)
        yield Chunk(position, start, end, content[start:end])
        position, start = position + 1, _next_start(content, start, end)


def _end(content: str, start: int) -> int:
    """Return where the passage ends: behind a paragraph, a sentence or a word, in its second half."""
    most = start + MOST_CHARACTERS
    if most >= len(content):
        return len(content)
    low = start + MOST_CHARACTERS // 2
    # What nobody would call one character any more is torn after all.
    return _last_seam(content, start, low, most) or cut_before(content, most, since=start) or most


def _next_start(content: str, start: int, end: int) -> int:
    """Return where the next passage begins: a little before the end, with a sentence or a word."""
    low = end - _OVERLAP
    seam = _first_seam(content, start, low, end - 1)
    return seam or cut_before(content, low, since=start) or end


def _last_seam(content: str, start: int, low: int, high: int) -> int | None:
    for kind in _SEAMS:
        for place in reversed(_ends(kind, content, low, high)):
            if may_cut(content, place, since=start):
                return place
    return None


def _first_seam(content: str, start: int, low: int, high: int) -> int | None:
    for kind in _SEAMS:
        for place in _ends(kind, content, low, high):
            if may_cut(content, place, since=start):
                return place
    return None


def _ends(kind: re.Pattern[str], content: str, low: int, high: int) -> list[int]:
    return [found.end() for found in kind.finditer(content, low, high)]
