"""Everything that a house keeps and has told, as one text: a secret that went through it is not there."""

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from traceback import format_exception

from grace.contracts.subjects import STREAMS
from grace.testkit.house import House

_TABLES = """
SELECT table_schema, table_name FROM information_schema.tables
 WHERE table_type = 'BASE TABLE' AND table_schema <> ALL ($1) ORDER BY 1, 2
"""
_FOREIGN = ["pg_catalog", "information_schema"]
_HEX = re.compile(r"\\x([0-9a-f]{8,})")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


async def everything(house: House) -> str:
    """Every row of every table and every message of every stream, what is packed in them unpacked."""
    found = [text async for text in _rows(house)]
    for stream in STREAMS:
        found += [_text(message) for message in await house.kept(stream)]
    return "\n".join(part for text in found for part in _unpacked(text))


def logged(events: Iterable[Mapping[str, object]]) -> str:
    """What `capture_logs` caught, each exception with all of its causes."""
    return "\n".join(_line(event) for event in events)


async def _rows(house: House):  # type: ignore[no-untyped-def]  # noqa: ANN202 - an async iterator
    for schema, table in await house.rows("public", _TABLES, _FOREIGN):
        query = f'SELECT to_jsonb(t)::text AS row FROM "{schema}"."{table}" AS t'  # noqa: S608
        for row in await house.rows(schema, query):
            yield row["row"]


def _text(message) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - nats gives it
    body = (message.data or b"").decode("utf-8", "replace")
    return f"{message.subject} {message.headers} {body}"


def _unpacked(text: str) -> Iterator[str]:
    """The text, and what it holds as hex or base64, as deep as it goes."""
    yield text
    for found in _HEX.findall(text):
        digits = found[: len(found) // 2 * 2]
        yield from _unpacked(bytes.fromhex(digits).decode("utf-8", "replace"))
    for found in _BASE64.findall(text):
        try:
            yield from _unpacked(b64decode(found).decode())
        except ValueError:
            continue


def _line(event: Mapping[str, object]) -> str:
    cause = event.get("exc_info")
    more = "".join(format_exception(cause)) if isinstance(cause, BaseException) else ""
    return f"{event} {more}"
