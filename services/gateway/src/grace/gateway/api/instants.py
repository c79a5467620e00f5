"""A moment in a request: RFC 3339 text with a time zone, never a number."""

from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, WithJsonSchema

_LONGEST = 40


def _is_text(value: object) -> object:
    """Numbers, also those in a text, would be read as seconds since 1970."""
    if not isinstance(value, str) or "T" not in value.upper() or len(value) > _LONGEST:
        raise ValueError("give it as RFC 3339 text, such as 2026-11-20T12:00:00Z")
    return value


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_is_text),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
