"""What OpenAPI says beyond what the routes say: every failure, every head, an example of everything."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute

from grace.gateway.api.errors import CODES, MEDIA_TYPE, STATUS, Problem
from grace.gateway.api.examples import REQUEST_ID, Examples

JSON = "application/json"
_PROBLEM = "#/components/schemas/Problem"
_NOT_OURS = ("HTTPValidationError", "ValidationError")
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})

# What a request can run into, whatever it asks for: the server, and behind it the door.
_EVERYWHERE = (400, 408, 429, 431, 500)
_BEHIND_THE_DOOR = (401, 403, 422, 503, 504)
_WITH_BODY = (413, 415)
_DETAILS: Mapping[int, str] = {
    400: "The cursor is none of ours: give `meta.next_cursor` of a page as it is.",
    401: "This API key has expired.",
    403: "This API key lacks the scope missions:read.",
    404: "No such mission.",
    408: "The body did not arrive in time.",
    409: "A request with this Idempotency-Key is in hand; ask again when it has ended.",
    412: "The thing has changed since it was read; read it again.",
    413: "The body may have 1048576 bytes.",
    415: "The body must be application/json in UTF-8.",
    422: "The request does not fit its description; `errors` names the fields.",
    426: "This path speaks WebSocket: ask for an upgrade, with Sec-WebSocket-Version 13.",
    428: "Give the ETag of what you read as If-Match.",
    429: "Too many requests; wait as long as Retry-After says.",
    431: "Request line and headers may have 16384 bytes.",
    500: "Something went wrong inside Grace.",
    503: "Something that is needed cannot be reached; try again later.",
    504: "No answer came in time.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 visible ASCII characters, quoted or not. A repeat within 24 hours gets the "
    "first answer with `Idempotency-Replayed: true` and does nothing; another request with the same "
    "key gets 422, one while the first is in hand 409. A request that was not as it must be (400, 415, 422, "
    "428) binds no key. After 503, 504 or no answer at all repeat with the same key: nothing is "
    "made twice.",
    "schema": {"type": "string", "pattern": r'^("[!#-\[\]-~]{1,255}"|[!#-~]{1,255})$'},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
# Capacity and quotas are set as a whole: who has read nothing may replace them, who has read them need not.
_MAY_REPLACE_UNSEEN = frozenset({"/api/htm/quotas"})
_REQUEST_ID_HEADER = {
    "description": "The same as in the answer and in the logs.",
    "schema": {"type": "string"},
}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
# By the routes that they tell of, which are kept beside them: no other can get their identity.
_Documents = dict[tuple[int, ...], tuple[list[BaseRoute], dict[str, Any]]]
_DOCUMENTS: _Documents = {}


def install(app: FastAPI) -> None:
    """Let the app describe itself in full; what others of this process have told is told again."""
    plain = app.openapi

    def full() -> dict[str, Any]:
        routes = [route for route in app.routes if getattr(route, "include_in_schema", False)]
        described = tuple(map(id, routes))
        if described not in _DOCUMENTS:
            app.openapi_schema = None
            _DOCUMENTS[described] = routes, complete(plain())
        return _DOCUMENTS[described][1]

    app.openapi = full  # type: ignore[method-assign]


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to a description what holds for every operation."""
    schemas = document["components"]["schemas"]
    for name in _NOT_OURS:
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    examples = Examples(schemas)
    for path, method, operation in operations(document):
        _add_headers(operation, path, method)
        _add_failures(operation, path)
        _add_examples(operation, examples)
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation with its path and its method."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _add_headers(operation: dict[str, Any], path: str, method: str) -> None:
    parameters = operation.setdefault("parameters", [])
    names = {parameter["name"].lower() for parameter in parameters}
    if method == "post" and "idempotency-key" not in names:
        parameters.append(_IDEMPOTENCY_KEY)
    for parameter in parameters:
        # A route that reads it as absent can say what is missing: 428.
        is_wanted = parameter["name"].lower() == "if-match" and path not in _MAY_REPLACE_UNSEEN
        parameter["required"] = parameter["required"] or is_wanted


def _add_failures(operation: dict[str, Any], path: str) -> None:
    responses: dict[str, Any] = operation["responses"]
    if JSON in responses.get("422", {}).get("content", {}):
        del responses["422"]["content"]  # FastAPI's own shape, which nobody gets here
    for status in sorted({*_failures(operation, path), *_declared(responses)}):
        responses[str(status)] = _failure(status, path, responses.get(str(status), {}))
    for response in responses.values():
        response.setdefault("headers", {}).setdefault("X-Request-ID", _REQUEST_ID_HEADER)


def _declared(responses: Mapping[str, Any]) -> Iterator[int]:
    """The failures that a route names itself."""
    for status in responses:
        if status.isdigit() and int(status) >= HTTPStatus.BAD_REQUEST:
            yield int(status)


def _failures(operation: Mapping[str, Any], path: str) -> Iterator[int]:
    yield from _EVERYWHERE
    if operation.get("security"):
        yield from _BEHIND_THE_DOOR
    if "requestBody" in operation:
        yield from _WITH_BODY
    names = {parameter["name"].lower() for parameter in operation["parameters"]}
    if "{" in path:
        yield 404
    if "idempotency-key" in names:
        yield 409
    if "if-match" in names:
        yield 412
        if path not in _MAY_REPLACE_UNSEEN:
            yield 428


def _failure(status: int, path: str, given: Mapping[str, Any]) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    headers = {"Retry-After": _RETRY_AFTER} if status in {429, 503} else {}
    if given.get("content", {}).get(JSON, {}).get("schema"):
        return dict(given)  # not every answer with such a status is a failure
    example = Problem(
        title=phrase,
        status=status,
        detail=_DETAILS.get(status, phrase),
        instance=path.replace("{", "").replace("}", ""),
        code=_code(status),
        request_id=REQUEST_ID,
        errors=[{"field": "query.limit", "problem": "Input should be less than or equal to 100"}]
        if status == HTTPStatus.UNPROCESSABLE_ENTITY
        else [],
    )
    content = {"schema": {"$ref": _PROBLEM}, "example": example.model_dump()}
    return {
        "description": given.get("description", phrase),
        "headers": headers,
        "content": {MEDIA_TYPE: content},
    }


def _code(status: int) -> str:
    kinds = {known: kind.value for kind, known in STATUS.items()}
    return kinds.get(status) or CODES.get(status, "malformed")


def _add_examples(operation: dict[str, Any], examples: Examples) -> None:
    contents = [response.get("content", {}) for response in operation["responses"].values()]
    contents.append(operation.get("requestBody", {}).get("content", {}))
    for content in contents:
        for media in content.values():
            if not {"example", "examples"} & media.keys() and "schema" in media:
                media["example"] = examples.of(media["schema"])
    for parameter in operation["parameters"]:
        if not {"example", "examples"} & parameter.keys():
            parameter["example"] = examples.of(parameter["schema"], parameter["name"])
