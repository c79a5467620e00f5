"""What can go wrong: one exception for each `code` of the API, and one for no answer at all."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx


class GraceClientError(Exception):
    """Something went wrong while talking to Grace."""


class Unreachable(GraceClientError):
    """No answer came: nobody listens there, or the connection broke."""


class Misconfigured(GraceClientError):
    """The URL or the API key cannot be used as they are."""


class Unsendable(GraceClientError):
    """What was given has no form on the wire: NaN, or text that is not Unicode."""


class StillOpen(GraceClientError):
    """What was waited for has not ended within the deadline."""


class ApiError(GraceClientError):
    """Grace refused a request, and says why."""

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        errors: tuple[str, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.detail = detail
        self.status = status
        self.code = code
        self.request_id = request_id
        self.errors = errors
        self.retry_after = retry_after  # Seconds, where Grace said how long to wait.
        super().__init__(": ".join([detail, *errors[:1]]) if errors else detail)


class Invalid(ApiError):
    """The request does not fit its description (422, 400 or 415); `errors` names the fields."""


class Unauthenticated(ApiError):
    """The API key opens nothing (401)."""


class Forbidden(ApiError):
    """The API key may not do that (403)."""


class NotFound(ApiError):
    """There is no such thing (404)."""


class Conflict(ApiError):
    """The request does not fit the present state (409)."""


class Stale(ApiError):
    """The thing has changed since it was read (412)."""


class TooLarge(ApiError):
    """The request is too large (413)."""


class RateLimited(ApiError):
    """Too many requests (429)."""


class Unavailable(ApiError):
    """A service behind the gateway is away (503); try again."""


class GatewayTimeout(ApiError):
    """A service behind the gateway did not answer in time (504)."""


class ServerFailed(ApiError):
    """Grace itself failed (5xx); its log has the request id."""


_BY_CODE: Mapping[str, type[ApiError]] = {
    "invalid": Invalid,
    "malformed": Invalid,
    "unsupported_media_type": Invalid,
    "unauthenticated": Unauthenticated,
    "forbidden": Forbidden,
    "not_found": NotFound,
    "conflict": Conflict,
    "stale": Stale,
    "too_large": TooLarge,
    "rate_limited": RateLimited,
    "unavailable": Unavailable,
    "timeout": GatewayTimeout,
    "internal": ServerFailed,
}
# A proxy on the way answers without a code.
_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Stale,
    413: TooLarge,
    415: Invalid,
    422: Invalid,
    428: Invalid,
    429: RateLimited,
    431: TooLarge,
    503: Unavailable,
    504: GatewayTimeout,
}
_FIRST_SERVER_ERROR = 500


def error_of(response: httpx.Response) -> ApiError:
    """Return the exception that a refusal stands for; a strange answer is the server's failure."""
    problem = _problem(response)
    code, status = str(problem.get("code", "")), response.status_code
    fallback = ServerFailed if status >= _FIRST_SERVER_ERROR else ApiError
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, fallback)
    return kind(
        str(problem.get("detail") or f"HTTP {status}, but not as Grace says it: check the URL"),
        status=status,
        code=code,
        request_id=str(problem.get("request_id", "")),
        errors=_fields(problem.get("errors")),
        retry_after=seconds_of(response.headers.get("retry-after"), now=datetime.now(UTC)),
    )


def seconds_of(retry_after: str | None, *, now: datetime) -> float | None:
    """Return the seconds in a Retry-After, which may be a number or a date; None for neither."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _until(retry_after, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(date: str, now: datetime) -> float:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()


def _problem(response: httpx.Response) -> dict[str, object]:
    try:
        found = response.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _fields(errors: object) -> tuple[str, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        f"{each.get('field')}: {each.get('problem')}" for each in errors if isinstance(each, dict)
    )
