"""A moment in a request: RFC 3339 text with a time zone, never a number."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema

from grace.contracts.scalars import in_utc

_LONGEST = 40


def _is_text(value: object) -> object:
    """Numbers, also those in a text, would be read as seconds since 1970."""
    if not isinstance(value, str) or "T" not in value.upper() or len(value) > _LONGEST:
        raise ValueError("give it as RFC 3339 text, such as 2026-11-20T12:00:00Z")
    return value


def _is_in_utc(value: datetime) -> datetime:
    """Refuse what no message takes: the first and the last hours of zones have no year in UTC."""
    try:
        in_utc(value)
    except ValueError:
        raise ValueError("give a time between the years 1 and 9999 of UTC") from None
    return value


# As a reporter's clock claims it: what cannot be is no reason to lose an error.
Claimed = Annotated[
    AwareDatetime,
    BeforeValidator(_is_text),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Instant = Annotated[Claimed, AfterValidator(_is_in_utc)]
