"""What words find and what vectors find, as one list."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from grace.knowledge.domain.finding import Finding

_HALF = 0.5  # above it a passage has every word of the question

Place = tuple[UUID, int]


def fuse(words: Sequence[Finding], near: Sequence[Finding], *, most: int) -> list[Finding]:
    """Return the best of both, best first.

    What has every word stays where it is, above one half. Below it either way of being alike counts, and
    both together more: 1 - (1 - words) (1 - cosine), of the lower half.
    """
    found = {_place(each): each for each in words}
    for each in near:
        found[_place(each)] = _joined(found.get(_place(each)), each)
    return sorted(found.values(), key=lambda each: (-each.similarity, _place(each)))[:most]


def _joined(by_words: Finding | None, by_vector: Finding) -> Finding:
    if by_words is None:
        return replace(by_vector, similarity=_HALF * by_vector.similarity)
    if by_words.similarity > _HALF:
        return by_words
    unlike = (1 - by_words.similarity / _HALF) * (1 - by_vector.similarity)
    return replace(by_words, similarity=_HALF * (1 - unlike))


def _place(finding: Finding) -> Place:
    return finding.artifact_id, finding.position
