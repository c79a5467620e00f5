"""Likeness of spelling, on any machine."""

from collections.abc import Sequence

from grace.knowledge.domain import likeness


class Letters:
    """Alike in words and in spelling; knows no meaning. Costs a millisecond for a passage, and no memory."""

    name = likeness.NAME
    # Questions of a few words and passages of Grace's own guides about other things are at 0.24 at most, a
    # misspelling and its word at 0.32 to 0.6.
    least = 0.3

    def load(self) -> None:
        """Need nothing."""

    def embed(self, texts: Sequence[str]) -> list[list[float] | None]:
        """Return a vector of each; None for a text without a word."""
        return [likeness.vector_of(text) for text in texts]
