"""What turns texts into vectors: our own, by letters, or a model of sentence-transformers."""

from collections.abc import Sequence
from typing import Protocol, assert_never

from grace.knowledge.domain import likeness
from grace.knowledge.settings import Settings


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

    def embed(self, texts: Sequence[str]) -> list[list[float] | None]:
        """Return a vector of each; None where a text has nothing that one could be made of.

        EmbeddingError: none of them got one. It may take as long as it likes, beside the event loop.
        """


class Letters:
    """Alike in words and in spelling; knows no meaning. Costs a millisecond for a passage, and no memory."""

    name = likeness.NAME
    # Questions of a few words and passages of Grace's own guides about other things are at 0.24 at most, a
    # misspelling and its word at 0.32 to 0.6.
    least = 0.3

    def embed(self, texts: Sequence[str]) -> list[list[float] | None]:
        """Return a vector of each; None for a text without a word."""
        return [likeness.vector_of(text) for text in texts]


def embedder_of(settings: Settings) -> Embedder | None:
    """Return what an operator has chosen; None where words alone are to find."""
    match settings.embedder:
        case "off":
            return None
        case "letters":
            return Letters()
        case _:
            assert_never(settings.embedder)
