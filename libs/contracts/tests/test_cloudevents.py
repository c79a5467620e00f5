"""What an event from outside stands for."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.contracts.cloudevents import (
    CloudEvent,
    EventError,
    error_fields,
    intent_body,
    read_event,
)
from grace.contracts.intent import ErrorDetected, IntentSubmit

EVENT = {
    "specversion": "1.0",
    "id": "A234-1234",
    "source": "https://monitor.example/pg?x=1",
    "type": "postgres.blocked_sessions",
    "subject": "shop",
    "time": "2026-11-20T10:00:01.5Z",
    "data": {"message": "7 sessions wait", "blocked": 7},
}
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _bytes(event: CloudEvent) -> bytes:
    return json.dumps(error_fields(event, NOON)).encode()


def _as_headers(event: dict[str, Any]) -> dict[str, str]:
    headers = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
    return headers | {"ce-type": "postgres%2Eblocked_sessions", "ce-extension": "kept out"}


def test_every_mode_is_the_same_event_and_becomes_an_error() -> None:
    whole, data = json.dumps(EVENT).encode(), json.dumps(EVENT["data"]).encode()
    events = [
        read_event(STRUCTURED, whole),
        read_event({}, whole),
        read_event(_as_headers(EVENT), data),
        read_event({"CE-" + k[3:]: v for k, v in _as_headers(EVENT).items()}, data),
    ]
    assert len({event.identity for event in events if event is not None}) == 1
    for event in events:
        assert event is not None
        error = ErrorDetected.from_untrusted_bytes(_bytes(event))
        assert (error.kind, error.target) == ("postgres.blocked_sessions", "shop")
        assert (error.source, error.message) == ("https:-monitor.example-pg-x-1", "7 sessions wait")
        assert error.details == {"blocked": 7}
        assert error.detected_at == datetime.fromisoformat("2026-11-20T10:00:01.500Z")


def test_what_the_data_says_goes_first_and_time_defaults_to_the_arrival() -> None:
    data = {"kind": "k", "target": "t", "severity": "info", "details": {"a": 1}, "more": 2}
    event = read_event({}, json.dumps({**EVENT, "time": None, "data": data}).encode())
    assert event is not None
    error = ErrorDetected.from_untrusted_bytes(_bytes(event))
    assert (error.kind, error.target, error.severity) == ("k", "t", "info")
    assert (error.details, error.detected_at) == ({"a": 1}, NOON)


def test_an_event_is_an_intent_with_an_id_of_its_source_and_id() -> None:
    data = {"goal": "Let it be written again", "domain": "postgres", "sla_ms": 1000, "more": True}
    events = [
        read_event(STRUCTURED, json.dumps({**EVENT, "data": data, "source": source}).encode())
        for source in ("/a", "/a", "/b")
    ]
    intents = [IntentSubmit.from_untrusted_bytes(intent_body(e)) for e in events if e is not None]
    assert intents[0] == intents[1]
    assert intents[0].intent_id != intents[2].intent_id
    assert (intents[0].target, intents[0].details) == ("shop", {"more": True})
    own = read_event({}, json.dumps({**EVENT, "data": {**data, "intent_id": "mine"}}).encode())
    assert own is not None
    assert IntentSubmit.from_untrusted_bytes(intent_body(own)).intent_id == "mine"


@pytest.mark.parametrize(
    "body", [b'{"kind": "k"}', b"[1]", b"", b'{"details": {"specversion": 1}}']
)
def test_what_is_no_event_is_left_alone(body: bytes) -> None:
    assert read_event({"Nats-Msg-Id": "x", "Content-Type": "application/json"}, body) is None


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, {**EVENT, "specversion": "0.3"}, "specversion: 1.0 is needed"),
        ({}, {**EVENT, "specversion": 1.0}, "specversion: 1.0 is needed"),
        ({}, {**EVENT, "id": ""}, "id: a text is needed"),
        ({}, {**EVENT, "source": None}, "source: a text is needed"),
        ({}, {**EVENT, "type": 7}, "type: a text of at most 1024"),
        ({}, {**EVENT, "subject": "s" * 1025}, "subject: a text of at most 1024"),
        ({}, {**EVENT, "data": [1]}, "data: a JSON object is needed"),
        ({}, {**EVENT, "data_base64": "e30="}, "data_base64 is not read"),
        ({}, {**EVENT, "datacontenttype": "text/xml"}, "datacontenttype: only JSON"),
        (STRUCTURED, {"kind": "k"}, "specversion: 1.0 is needed"),
        (STRUCTURED, [EVENT], "a JSON object is needed"),
        ({"content-type": "application/cloudevents-batch+json"}, [EVENT], "one at a time"),
        ({"ce-specversion": "1.0", "ce-id": "1"}, {}, "source: a text is needed"),
    ],
)
def test_what_claims_to_be_an_event_and_is_none_is_refused(
    headers: dict[str, str], body: object, reason: str
) -> None:
    with pytest.raises(EventError, match=reason):
        read_event(headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"specversion": "1.0", "id": "1", "id": "2"}', "a key occurs twice"),
        (b'{"specversion": "1.0", "data": {"x": NaN}}', "NaN and Infinity"),
        (b'{"specversion": "1.0"', "not JSON in UTF-8"),
        (b'{"specversion": "\xff"}', "not JSON in UTF-8"),
        (b'{"specversion":' + b"[" * 100_000, "not JSON in UTF-8"),
    ],
)
def test_what_cannot_be_read_as_json_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(EventError, match=reason):
        read_event({}, body)


@given(
    headers=st.dictionaries(
        st.sampled_from(["Content-Type", "ce-specversion", "ce-id", "ce-source", "ce-type"]),
        st.sampled_from(["", "1.0", "x", "application/cloudevents+json", "%FF%00"]),
    ),
    body=st.binary() | st.just(b'{"specversion": "1.0"}'),
)
def test_any_message_is_an_event_or_none_or_refused_with_a_reason(
    headers: dict[str, str], body: bytes
) -> None:
    with suppress(EventError):
        event = read_event(headers, body)
        assert event is None or (event.id and event.source and event.type)
