"""Every failure becomes one shape, RFC 9457 problem+json, by one table."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from grace.kit import GraceError, Kind, Unavailable
from grace.kit.database import TRANSIENT

MEDIA_TYPE = "application/problem+json"

# The one table from what went wrong inside Grace to what HTTP calls it.
STATUS: Mapping[Kind, int] = {
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.TOO_LARGE: 413,
    Kind.RATE_LIMITED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.TIMEOUT: 504,
    Kind.INTERNAL: 500,
}

# What only HTTP knows: no service ever answers with these.
CODES: Mapping[int, str] = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    408: "slow_request",
    413: "too_large",
    415: "unsupported_media_type",
    426: "upgrade_required",
    428: "precondition_required",
    431: "head_too_large",
    501: "not_implemented",
}
# What is answered where no route is.
_PLAIN: Mapping[str, str] = {
    "Not Found": "There is nothing at this path; /docs lists what there is.",
    "Method Not Allowed": "This path takes other methods; /docs lists them.",
}
_RETRY_SOON = {"Retry-After": "1"}
_MOST_ERRORS = 20
_LONGEST_NAME = 64
_LONGEST_PATH = 256


class Problem(BaseModel):
    """What went wrong, for people and for programs. Programs look at `code`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "No such approval.",
                "instance": "/api/approvals/approval-0",
                "code": "not_found",
                "request_id": "01980a52-6c1e-7c33-9f5e-2f5d7f6f1a10",
                "errors": [],
            }
        }
    )

    type: str = Field(default="about:blank", description="`code` says more than a page would.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="A word out of a closed list, the same for the same failure.")
    request_id: str = Field(description="What to look for in the logs.")
    errors: list[dict[str, str]] = Field(
        default=[], description="For invalid input: each `field` with its `problem`."
    )


def install(app: FastAPI) -> None:
    """Let every failure inside the routes end here."""
    for kind in (RequestValidationError, GraceError, HTTPException, Exception):
        app.add_exception_handler(kind, _on_error)


def answer_of(error: Exception, *, path: str, request_id: str) -> Response:
    """Return the response that tells of an error; what is not ours is not explained."""
    if isinstance(error, TRANSIENT):
        error = Unavailable()
    match error:
        case RequestValidationError():
            return _invalid_input(error, path=path, request_id=request_id)
        case GraceError():
            code, status, detail = error.kind.value, STATUS[error.kind], error.detail
            headers: Mapping[str, str] | None = _headers_of(error)
        case HTTPException():
            code, status = CODES.get(error.status_code, "malformed"), error.status_code
            detail, headers = _PLAIN.get(error.detail, str(error.detail)), error.headers
        case _:
            return answer_of(GraceError(), path=path, request_id=request_id)
    body = problem_of(status, code=code, detail=detail, path=path, request_id=request_id)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problem_of(
    status: int,
    *,
    detail: str,
    path: str,
    request_id: str,
    code: str = "",
    errors: Sequence[dict[str, str]] = (),
) -> bytes:
    """Return the body of a failure."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=path[:_LONGEST_PATH],
        code=code or CODES.get(status, "malformed"),
        request_id=request_id,
        errors=list(errors),
    )
    return problem.model_dump_json().encode()


def _headers_of(error: GraceError) -> dict[str, str]:
    match error:
        case GraceError(retry_after=int(seconds)):
            return {"Retry-After": str(seconds)}
        case GraceError(kind=Kind.UNAUTHENTICATED):
            return {"WWW-Authenticate": 'Bearer realm="grace"'}
        case GraceError(kind=Kind.UNAVAILABLE | Kind.RATE_LIMITED):
            return dict(_RETRY_SOON)
        case _:
            return {}


async def _on_error(request: Request, error: Exception) -> Response:
    return answer_of(error, path=request.url.path, request_id=request.state.request_id)


def _invalid_input(error: RequestValidationError, *, path: str, request_id: str) -> Response:
    """Name the fields and never repeat what was sent: it may be a secret."""
    body = problem_of(
        STATUS[Kind.INVALID],
        code=Kind.INVALID.value,
        detail="The request does not fit its description; `errors` names the fields.",
        path=path,
        request_id=request_id,
        errors=[
            {"field": _field(each["loc"]), "problem": str(each["msg"])}
            for each in error.errors()[:_MOST_ERRORS]
        ],
    )
    return Response(body, status_code=STATUS[Kind.INVALID], media_type=MEDIA_TYPE)


def _field(location: Sequence[int | str]) -> str:
    """Where it is: names may come from the sender, so they are cut."""
    return ".".join(str(part)[:_LONGEST_NAME] for part in location)
