"""CloudEvents 1.0 as errors and intents: which message an event from outside stands for.

Structured mode is an event as JSON; binary mode has the attributes in `ce-` headers and the data as
the body. What the data says goes before what the attributes say. The bus and the REST intake both
read events with this, and with nothing else.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias
from urllib.parse import unquote

Json: TypeAlias = Mapping[str, object]

_STRUCTURED = re.compile(r"application/cloudevents(\+json)?\s*(;.*)?", re.IGNORECASE)
_JSON = re.compile(r"(application|text)/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_PREFIX = "ce-"
_REQUIRED = ("id", "source", "type")
_LONGEST = 1_024  # characters of an attribute
_ODD = re.compile(r"[^A-Za-z0-9._:-]+")
_LONGEST_NAME = 128
_ERROR = frozenset({
    "source", "kind", "target", "message", "severity", "detected_at", "details", "resolved",
})  # fmt: skip
_INTENT = frozenset({
    "intent_id", "goal", "domain", "sla_ms", "priority", "kind", "target", "details",
})  # fmt: skip


class EventError(ValueError):
    """Something claims to be a CloudEvent and is none that can be read; the text says why."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """An event; `data` is empty where there is none."""

    id: str
    source: str
    type: str
    subject: str | None
    time: str | None
    data: Json

    @property
    def identity(self) -> str:
        """Source and id name an event: what is sent again has the same identity."""
        return sha256(json.dumps([self.source, self.id]).encode()).hexdigest()


def read_event(headers: Mapping[str, str], body: bytes) -> CloudEvent | None:
    """Return the event that a message is; None where nothing says that it is one."""
    given = {name.lower(): value for name, value in headers.items()}
    kind = given.get("content-type", "").strip()
    if _STRUCTURED.fullmatch(kind):
        return _structured(_table(body))
    if kind.lower().startswith("application/cloudevents"):
        raise EventError(f"{kind[:128]}: only application/cloudevents+json is read, one at a time")
    if f"{_PREFIX}specversion" in given:
        return _binary(given, body)
    if b'"specversion"' not in body:
        return None
    found = _parsed(body)
    return _structured(found) if isinstance(found, dict) and "specversion" in found else None


def error_fields(event: CloudEvent, received_at: datetime) -> dict[str, object]:
    """Return the fields of the error.detected that the event stands for.

    Its type is the kind and its subject the target where the data names none.
    """
    attributes = {
        "source": name_of(event.source),
        "kind": event.type,
        "target": event.subject,
        "message": "",
        "severity": "error",
        "detected_at": event.time or received_at.isoformat(),
    }
    return _merged(attributes, event.data, _ERROR)


def intent_body(event: CloudEvent) -> bytes:
    """Return the body of the intent.submit that the event stands for.

    Without an intent_id in the data it has one of its source and id; its subject is the target.
    """
    attributes = {"intent_id": f"ce-{event.identity[:32]}", "target": event.subject}
    return json.dumps(_merged(attributes, event.data, _INTENT)).encode()


def translate_error(
    headers: Mapping[str, str], body: bytes, received_at: datetime
) -> tuple[str, bytes] | None:
    """Return the identity and the error.detected of an event; None for another message."""
    event = read_event(headers, body)
    if event is None:
        return None
    return event.identity, json.dumps(error_fields(event, received_at)).encode()


def translate_intent(
    headers: Mapping[str, str], body: bytes, _: datetime
) -> tuple[str, bytes] | None:
    """Return the identity and the intent.submit of an event; None for another message."""
    event = read_event(headers, body)
    return (event.identity, intent_body(event)) if event else None


def _structured(found: Json) -> CloudEvent:
    if "data_base64" in found:
        raise EventError("data_base64 is not read: give data as JSON")
    return _event(found, found.get("data"))


def _binary(given: Mapping[str, str], body: bytes) -> CloudEvent:
    attributes = {
        name.removeprefix(_PREFIX): unquote(value)
        for name, value in given.items()
        if name.startswith(_PREFIX)
    }
    return _event(attributes, _parsed(body) if body else None)


def _event(attributes: Json, data: object) -> CloudEvent:
    if attributes.get("specversion") != "1.0":
        raise EventError("specversion: 1.0 is needed")
    found = {name: _text(attributes, name) for name in (*_REQUIRED, "subject", "time")}
    if missing := [name for name in _REQUIRED if not found[name]]:
        raise EventError(f"{missing[0]}: a text is needed")
    kind = _text(attributes, "datacontenttype")
    if kind and not _JSON.fullmatch(kind):
        raise EventError("datacontenttype: only JSON is read")
    if data is not None and not isinstance(data, dict):
        raise EventError("data: a JSON object is needed")
    return CloudEvent(
        id=found["id"] or "",
        source=found["source"] or "",
        type=found["type"] or "",
        subject=found["subject"],
        time=found["time"],
        data=data or {},
    )


def _text(attributes: Json, name: str) -> str | None:
    value = attributes.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST):
        raise EventError(f"{name}: a text of at most {_LONGEST} characters is needed")
    return value or None


def _merged(attributes: Json, data: Json, fields: frozenset[str]) -> dict[str, object]:
    """Return the message's fields; what it has no field for is kept in its details."""
    other = {name: value for name, value in data.items() if name not in fields}
    known = {name: value for name, value in data.items() if name in fields}
    details = {"details": other} if other and "details" not in known else {}
    body = {**attributes, **details, **known}
    return {name: value for name, value in body.items() if value is not None}


def _table(body: bytes) -> Json:
    found = _parsed(body)
    if not isinstance(found, dict):
        raise EventError("a JSON object is needed")
    return found


def _parsed(body: bytes) -> object:
    """Read JSON as strictly as any message from outside is read."""
    try:
        found: object = json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as failure:
        known = isinstance(failure, EventError)
        raise EventError(str(failure) if known else "not JSON in UTF-8") from None
    return found


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    listed = list(pairs)
    found = dict(listed)
    if len(found) != len(listed):
        raise EventError("a key occurs twice")
    return found


def _no_constant(_: str) -> object:
    raise EventError("NaN and Infinity are not JSON")


def name_of(text: str) -> str:
    """Return an identifier for what may be a URI: every odd run of characters is one hyphen."""
    return _ODD.sub("-", text).strip("-")[-_LONGEST_NAME:] or "unnamed"
