"""What every embedder is asked."""

from collections.abc import Sequence
from typing import Protocol


class EmbeddingError(Exception):
    """No text got a vector, and why."""


class Embedder(Protocol):
    """Turns texts into vectors of 384 numbers and of length one."""

    @property
    def name(self) -> str:
        """Names the space of its vectors: those of two names are never compared."""

    @property
    def least(self) -> float:
        """The cosine from which on two texts are alike, and not by chance."""

    def load(self) -> None:
        """Read what it needs, unless it has; it may take as long as it likes. EmbeddingError where it cannot."""

    def embed(self, texts: Sequence[str]) -> list[list[float] | None]:
        """Return a vector of each; None where a text has nothing that one could be made of.

        EmbeddingError: none of them got one. It may take as long as it likes, beside the event loop.
        """
