"""What can go wrong: one exception for each `code` of the API, and one for no answer at all."""

from collections.abc import Mapping

import httpx


class GraceClientError(Exception):
    """Something went wrong while talking to Grace."""


class Unreachable(GraceClientError):
    """No answer came: nobody listens there, or the connection broke."""


class Misconfigured(GraceClientError):
    """The URL or the API key cannot be used as they are."""


class StillOpen(GraceClientError):
    """What was waited for has not ended within the deadline."""


class ApiError(GraceClientError):
    """Grace refused a request, and says why."""

    def __init__(
        self, detail: str, *, status: int, request_id: str = "", errors: tuple[str, ...] = ()
    ) -> None:
        self.detail = detail
        self.status = status
        self.request_id = request_id
        self.errors = errors
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
_FIRST_SERVER_ERROR = 500


def error_of(response: httpx.Response) -> ApiError:
    """Return the exception that a refusal stands for; a strange answer is the server's failure."""
    problem = _problem(response)
    fallback = ServerFailed if response.status_code >= _FIRST_SERVER_ERROR else ApiError
    kind = _BY_CODE.get(str(problem.get("code", "")), fallback)
    return kind(
        str(problem.get("detail") or f"HTTP {response.status_code}"),
        status=response.status_code,
        request_id=str(problem.get("request_id", "")),
        errors=_fields(problem.get("errors")),
    )


def _problem(response: httpx.Response) -> dict[str, object]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _fields(errors: object) -> tuple[str, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        f"{each.get('field')}: {each.get('problem')}" for each in errors if isinstance(each, dict)
    )
