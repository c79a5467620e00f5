"""Reads a request's head: bounded, each field once, and only text that means one thing."""

from collections import Counter
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.types import Scope

from grace.kit import Invalid

# Two of these would mean two things; who reads them would have to choose.
_ONCE = frozenset({
    b"authorization", b"content-type", b"idempotency-key", b"if-match", b"if-none-match",
    b"last-event-id", b"origin", b"sec-websocket-key", b"sec-websocket-version", b"x-api-key", b"x-request-id",
})  # fmt: skip
# Of a CloudEvent in binary mode.
_ATTRIBUTE = b"ce-"
# What a line of a head has beside its name and its value.
_PUNCTUATION = 4


def refuse_long_head(scope: Scope, limit: int) -> None:
    """Refuse what is too long: 431. The server itself sees only a head that is not yet complete."""
    lines = sum(len(name) + len(value) + _PUNCTUATION for name, value in scope["headers"])
    if len(scope["raw_path"]) + len(scope["query_string"]) + lines > limit:
        raise HTTPException(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"Request line and headers may have {limit} bytes.",
        )


def refuse_unclear_head(scope: Scope) -> None:
    """Refuse fields and parameters that come twice, and text that no database can store."""
    names = [name for name, _ in scope["headers"]]
    if len(set(names)) < len(names):
        _refuse_twice(Counter(names))
    _check_text(scope["raw_path"], "path")
    if scope["query_string"]:
        _refuse_unclear_query(scope["query_string"].replace(b"+", b" "))


def _refuse_twice(names: Counter[bytes]) -> None:
    once = _ONCE.union(name for name in names if name.startswith(_ATTRIBUTE))
    if twice := sorted(name.decode("latin-1") for name in once if names[name] > 1):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"The header {twice[0]} occurs twice.")


def _refuse_unclear_query(query: bytes) -> None:
    _check_text(query, "query")
    given = Counter(unquote_to_bytes(each.partition(b"=")[0]) for each in query.split(b"&") if each)
    if any(count > 1 for count in given.values()):
        raise Invalid("A parameter occurs twice in the query.")


def _check_text(quoted: bytes, where: str) -> None:
    """Percent-encoded bytes must be UTF-8 without U+0000."""
    try:
        text = unquote_to_bytes(quoted).decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"The {where} is not UTF-8.") from None
    if "\x00" in text:
        raise Invalid(f"The {where} holds U+0000.")
