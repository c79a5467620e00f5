"""Reads a request's body: bounded, in time, and only JSON that means one thing."""

import asyncio
import json
import math
from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from grace.kit import Invalid, TooLarge

_DEPTH = 64
_INT64 = 2**63
_JSON = "application/json"
# The others are CloudEvents in structured and in batched mode.
_MEDIA = frozenset({_JSON, "application/cloudevents+json", "application/cloudevents-batch+json"})


class SlowBody(HTTPException):
    """The body did not arrive in time."""

    def __init__(self) -> None:
        super().__init__(408, "The body did not arrive in time.", {"Connection": "close"})


class ClientGone(Exception):
    """The client hung up before its body had arrived."""


async def read_json_body(scope: Scope, receive: Receive, *, limit: int, within: timedelta) -> bytes:
    """Return the whole body, once it is known to be clean JSON."""
    refuse_other_media(scope)
    try:
        async with asyncio.timeout(within.total_seconds()):
            body = await _read(scope, receive, limit)
    except TimeoutError:
        raise SlowBody from None
    check_json(body)
    return body


def refuse_other_media(scope: Scope) -> None:
    """Only JSON in UTF-8 is read."""
    name, _, parameters = (header_of(scope, b"content-type") or "").partition(";")
    charset = parameters.replace(" ", "").lower()
    if name.strip().lower() not in _MEDIA or charset not in {
        "",
        "charset=utf-8",
        'charset="utf-8"',
    }:
        raise HTTPException(415, f"The body must be {_JSON} in UTF-8.")


def check_json(body: bytes) -> None:
    """Refuse what readers could understand in two ways, and what a database cannot store."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_bounded_int,
            parse_float=_finite_float,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON in UTF-8.") from None
    _check_values(value)


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes:
    if _announced(scope) > limit:
        raise TooLarge(f"The body may have {limit} bytes.")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLarge(f"The body may have {limit} bytes.")
        if not message.get("more_body", False):
            return bytes(body)


def _announced(scope: Scope) -> int:
    announced = header_of(scope, b"content-length") or ""
    return int(announced) if announced.isdigit() else 0


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return a header's value; None where it is absent."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def again(body: bytes, receive: Receive) -> Receive:
    """Hand the body over once, then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("A key occurs twice in the body.")
    return found


def _bounded_int(digits: str) -> int:
    number = int(digits)
    if not -_INT64 <= number < _INT64:
        raise Invalid("An integer in the body does not fit 64 bits.")
    return number


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Invalid("A number in the body is too large.")
    return number


def _no_constant(_: str) -> object:
    raise Invalid("NaN and Infinity are no JSON.")


def _check_values(value: object) -> None:
    """Walk level by level: depth is bounded without recursion."""
    level = [value]
    for _ in range(_DEPTH):
        if not level:
            return
        level = [child for item in level for child in _children(item)]
    raise Invalid(f"The body is nested deeper than {_DEPTH}.")


def _children(item: object) -> list[object]:
    match item:
        case dict():
            for key in item:
                _check_text(key)
            return list(item.values())
        case list():
            return item
        case str():
            _check_text(item)
    return []


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise Invalid("A text in the body holds U+0000.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid("A text in the body holds a lone surrogate.") from None
