"""Makes text of strangers harmless: PostgreSQL takes neither U+0000 nor a lone surrogate."""

from __future__ import annotations


def harmless(text: str, most: int) -> str:
    """The first `most` characters, with what cannot be stored replaced by U+FFFD."""
    encodable = text[:most].encode("utf-8", "replace").decode("utf-8")
    return encodable.replace("\x00", "\N{REPLACEMENT CHARACTER}")
