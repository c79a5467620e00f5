"""The shape of every answer, and the cursors of its pages."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from grace.gateway.api.cursors import ForgedCursor

T = TypeVar("T")

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
Id = Annotated[str, Path(pattern=ID_PATTERN, description="An id as Grace gave it.")]
_ID = re.compile(ID_PATTERN)


class Meta(BaseModel):
    """What belongs to the answer, not to what was asked for."""

    request_id: str = Field(description="The same as in the header X-Request-ID and in the logs.")
    next_cursor: str | None = Field(
        default=None, description="Give it as `cursor` for the next page; null on the last one."
    )


class Envelope(BaseModel, Generic[T]):
    """Every answer: `data` is what was asked for."""

    data: T
    meta: Meta


class Page(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=100, description="The most items of a page.")
    cursor: str | None = Field(
        default=None, max_length=256, description="`meta.next_cursor` of the page before."
    )


def cursor_after(noun: str, ids: Sequence[str], limit: int) -> str | None:
    """Return the cursor behind a full page; a page that is not full is the last."""
    if len(ids) < limit:
        return None
    return urlsafe_b64encode(f"{noun}/{ids[-1]}".encode()).decode().rstrip("=")


def id_before(noun: str, cursor: str | None) -> str | None:
    """Return the id that a cursor stands for. 400 where it is none of ours.

    Its seal, behind the dot, is checked before any route is asked (`callers`).
    """
    if cursor is None:
        return None
    inner = cursor.partition(".")[0]
    try:
        text = urlsafe_b64decode(inner + "=" * (-len(inner) % 4)).decode("ascii")
    except ValueError:
        text = ""
    found, _, identity = text.partition("/")
    if found != noun or not _ID.fullmatch(identity):
        raise ForgedCursor
    return identity
