"""The one error type that crosses a service's edge, with its closed list of kinds."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What sort of failure it is. The gateway maps each to one HTTP status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    STALE = "stale"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


class GraceError(Exception):
    """Something went wrong inside Grace."""

    kind: ClassVar[Kind] = Kind.INTERNAL
    # Seconds until the same request may do; None where nobody knows.
    retry_after: int | None = None

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or (type(self).__doc__ or "").split("\n", maxsplit=1)[0]
        super().__init__(self.detail)


class Invalid(GraceError):
    """The request is malformed."""

    kind = Kind.INVALID


class Unauthenticated(GraceError):
    """Nobody is known by these credentials."""

    kind = Kind.UNAUTHENTICATED


class Forbidden(GraceError):
    """This caller may not do that."""

    kind = Kind.FORBIDDEN


class NotFound(GraceError):
    """There is no such thing."""

    kind = Kind.NOT_FOUND


class Conflict(GraceError):
    """The request does not fit the present state."""

    kind = Kind.CONFLICT


class Stale(GraceError):
    """The thing has changed since it was read; read it again."""

    kind = Kind.STALE


class TooLarge(GraceError):
    """The request is too large."""

    kind = Kind.TOO_LARGE


class RateLimited(GraceError):
    """Too many requests; try again later."""

    kind = Kind.RATE_LIMITED


class Unavailable(GraceError):
    """Something that is needed cannot be reached; try again later."""

    kind = Kind.UNAVAILABLE


class TimedOut(GraceError):
    """No answer came in time."""

    kind = Kind.TIMEOUT


class InternalError(GraceError):
    """The answering service failed; its log says why."""

    kind = Kind.INTERNAL


_BY_KIND: dict[Kind, type[GraceError]] = {
    each.kind: each
    for each in (
        Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Stale,
        TooLarge, RateLimited, Unavailable, TimedOut, InternalError,
    )
}  # fmt: skip


def error_of(kind: str, detail: str) -> GraceError:
    """The error that a `Problem` with this kind stands for; an unknown kind is internal."""
    known = kind in Kind.__members__.values()
    return _BY_KIND[Kind(kind) if known else Kind.INTERNAL](detail)
