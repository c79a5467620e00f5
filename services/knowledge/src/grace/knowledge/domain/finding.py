"""What a search brings back, and how much of the knowledge it can reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Finding:
    """A passage that fits a question."""

    artifact_id: UUID
    title: str
    artifact_type: str
    position: int
    start: int
    end: int
    text: str
    highlight: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Near:
    """Where a passage is that an index of vectors brings back; `similarity` is the cosine."""

    artifact_id: UUID
    position: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Brought:
    """What another index brings, and how many were asked of it."""

    near: Sequence[Near]
    asked: int

    def hides_some(self, living: int, *, most: int, least: float) -> bool:
        """Whether passages that are gone may stand in the place of others, that so few of `most` are living."""
        is_whole = len(self.near) == self.asked
        return is_whole and living < most and min(each.similarity for each in self.near) >= least


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much there is, and how much of it can be found."""

    artifacts: int
    chunks: int
    searchable: int

    @property
    def share(self) -> float:
        """Searchable chunks per chunk; 0 where there is nothing to search."""
        return self.searchable / self.chunks if self.chunks else 0.0
