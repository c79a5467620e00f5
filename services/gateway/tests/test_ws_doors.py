"""Who gets a WebSocket: with which key, from whose page, how many; and what nonsense in it is answered."""

import json
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from websockets.exceptions import InvalidStatus

from grace.gateway.api.frames import Order, frame, order_in, problem_frame
from grace.gateway.api.handshake import is_own, with_key_in_place
from grace.gateway.api.journal import FOLLOWED
from grace.gateway.api.visit import Visit
from grace.gateway.settings import Settings
from grace.kit import GraceError, SettingsError
from grace.kit.rotation import TurningFile
from grace.testkit import eventually

from .talking import talk

OpenGateway = Callable[..., Any]
PAGE = "https://console.example"


async def refusal(front: Any, token: str | None = None, **how: Any) -> tuple[int, str]:
    """The status and the detail with which a connection is refused, by plain HTTP."""
    with pytest.raises(InvalidStatus) as refused:
        async with talk(front, token, **how):
            """Not reached."""
    answer = refused.value.response
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body is not None
    problem = json.loads(answer.body)
    assert (problem["status"], problem["instance"]) == (answer.status_code, "/api/ws")
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, problem["detail"]


def logged() -> str:
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    assert isinstance(handler.stream, TurningFile)
    return handler.stream.path.read_text(encoding="utf-8")


async def test_a_key_comes_by_header_or_by_subprotocol_and_nowhere_else(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        token, scopes = front.token, {"principal": "eve", "scopes": ["missions:read"]}
        other = (await front.admin.post("/api/keys", json=scopes)).json()["data"]["token"]
        async with talk(front) as by_header:
            assert by_header.wire.subprotocol is None
        async with talk(front, "", headers={"X-API-Key": token}) as by_header:
            assert (await by_header.ask(op="subscribe"))["op"] == "subscribed"
        async with talk(front, "", subprotocols=["grace.v1", f"bearer.{token}"]) as by_name:
            assert by_name.wire.response is not None
            answer = by_name.wire.response.headers
            assert answer.get_all("sec-websocket-protocol") == ["grace.v1"]
            assert token not in str(answer)
            assert (await by_name.ask(op="subscribe"))["op"] == "subscribed"
        for refused in (
            (401, await refusal(front, "")),
            (401, await refusal(front, "grace_" + "x" * 43)),
            (401, await refusal(front, "", query=f"?token={token}")),
            (401, await refusal(front, "", subprotocols=["grace.v1", "bearer.none"])),
            (401, await refusal(front, "", subprotocols=["grace.v1", token])),
            (403, await refusal(front, other)),
            (422, await refusal(front, query=f"?token={token}")),
            (400, await refusal(front, subprotocols=["grace.v1", f"bearer.{token}"])),
            (400, await refusal(front, "", subprotocols=[f"bearer.{token}"])),
            (400, await refusal(front, subprotocols=["chat"])),
        ):
            assert refused[0] == refused[1][0], refused
        text = logged()
        assert "/api/ws" in text
        assert token not in text


async def test_pages_of_other_hosts_are_kept_out(open_gateway: OpenGateway) -> None:
    async with open_gateway(socket_origins=(PAGE,)) as front:
        for origin in (front.url, PAGE):
            async with talk(front, origin=origin) as page:
                assert (await page.ask(op="subscribe"))["op"] == "subscribed"
        for origin in (
            "https://elsewhere.example",
            "null",
            PAGE + ":8443",
            "http://console.example",
        ):
            status, detail = await refusal(front, origin=origin)
            assert (status, "origin" in detail) == (403, True), origin


def test_an_origin_that_no_browser_sends_is_no_setting() -> None:
    assert Settings(socket_origins=(PAGE, "http://[::1]:3000")).socket_origins[0] == PAGE
    for never in (PAGE + "/", "console.example", "*", "null", "HTTPS://console.example"):
        with pytest.raises(SettingsError):
            Settings(socket_origins=(never,))


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("https://grace.example", "grace.example", True),
        ("https://grace.example", "GRACE.example:443", True),
        ("http://grace.example:80", "grace.example", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://grace.example:8443", "grace.example", False),
        ("https://a.grace.example", "grace.example", False),
        ("https://grace.example.evil", "grace.example", False),
        ("https://grace.example@evil", "grace.example", False),
        ("https://evil/grace.example", "grace.example", False),
        ("http://[", "[", False),
        ("file://grace.example", "grace.example", False),
        ("null", "null", False),
        ("", "", False),
    ],
)
def test_a_page_is_our_own_by_its_whole_host(origin: str, host: str, own: bool) -> None:
    assert is_own(origin, host) is own


def test_a_key_among_the_subprotocols_is_put_where_keys_belong() -> None:
    names = (b"sec-websocket-protocol", b"grace.v1, bearer.one"), (b"host", b"x")
    moved = [(b"host", b"x"), (names[0][0], b"grace.v1"), (b"authorization", b"Bearer one")]
    assert with_key_in_place(names) == moved
    assert with_key_in_place(names[1:]) == [(b"host", b"x")]
    twice = with_key_in_place((*names, (names[0][0], b"bearer.two")))
    assert [value for name, value in twice if name == b"authorization"] == [
        b"Bearer one",
        b"Bearer two",
    ]


async def test_nobody_has_more_than_a_share(open_gateway: OpenGateway) -> None:
    limits = {"sockets_per_principal": 2, "socket_limit": 3, "socket_subscriptions": 1}
    async with open_gateway(**limits) as front:
        body = {"principal": "eve", "scopes": ["events:read"]}
        keys = [(await front.admin.post("/api/keys", json=body)).json()["data"] for _ in range(2)]
        async with AsyncExitStack() as stack:
            for key in keys:
                eve = await stack.enter_async_context(talk(front, key["token"]))
            assert (await refusal(front, keys[0]["token"]))[0] == 429
            await stack.enter_async_context(talk(front))
            assert (await refusal(front))[0] == 429
            assert (await eve.ask(op="subscribe"))["op"] == "subscribed"
            more = await eve.ask(op="subscribe", subscription="more")
            assert (more["op"], more["status"], more["code"]) == ("error", 429, "rate_limited")
            await eve.wire.close()
            # The place of one that was closed is free again.
            assert await eventually(lambda: opens(front, keys[0]["token"]))


async def opens(front: Any, token: str) -> bool:
    try:
        async with talk(front, token):
            return True
    except InvalidStatus:
        return False


async def test_who_asks_without_a_handshake_is_told_to(open_gateway: OpenGateway) -> None:
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    flawed: list[dict[str, str]] = [
        {},
        handshake | {"Sec-WebSocket-Version": "12"},
        handshake | {"Sec-WebSocket-Key": "c2hvcnQ="},
        handshake | {"Upgrade": "h2c"},
        handshake | {"Content-Length": "0"},
    ]
    async with open_gateway() as front:
        for headers in flawed:
            answer = await front.admin.get("/api/ws", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
            assert answer.headers["upgrade"] == "websocket"
            assert answer.headers["sec-websocket-version"] == "13"
        elsewhere = await front.admin.get("/api/keys", headers=handshake)
        assert elsewhere.status_code == 200
        refused = await (await front.client()).get("/api/ws", headers=handshake)
        assert refused.status_code == 401
        answer = await front.admin.get("/api/ws", headers=handshake | {"Origin": "null"})
        assert answer.status_code == 403
        assert (await front.admin.get("/api/keys")).status_code == 200


async def test_a_connection_took_as_long_to_answer_as_its_handshake() -> None:
    async def send(_: object) -> None:
        """Nobody listens."""

    visit = Visit({"type": "http", "method": "GET", "path": "/api/ws", "headers": []}, send)
    assert visit.seconds < visit.seconds
    await visit.send({"type": "http.response.start", "status": 101})
    assert visit.seconds == visit.seconds


def _is_read(text: str) -> bool:
    """Whether this Python reads it: 3.11 gives up on what 3.13 takes."""
    try:
        json.loads(text)
    except RecursionError:
        return False
    return True


_DEEP = "[" * 2000 + "]" * 2000
WRONG: dict[str, tuple[int, str]] = {
    "": (400, ""),
    "subscribe": (400, ""),
    '{"op":"subscribe"': (400, ""),
    '{"op":"subscribe","op":"subscribe"}': (422, ""),
    '{"op":"subscribe","after":NaN}': (422, ""),
    _DEEP: (422 if _is_read(_DEEP) else 400, ""),
    "[" * 70 + "]" * 70: (422, ""),
    "[]": (422, "message"),
    "{}": (422, "message.op"),
    '{"op":"publish"}': (422, "message.op"),
    '{"op":"subscribe","after":-1}': (422, "message.after"),
    '{"op":"subscribe","after":"-1"}': (422, "message.after"),
    '{"op":"subscribe","after":"11111111111111111111"}': (422, "message.after"),
    '{"op":"subscribe","subjects":[]}': (422, "message.subjects"),
    '{"op":"subscribe","subjects":["none"]}': (422, "message.subjects"),
    '{"op":"subscribe","subjects":["error.detected"]}': (422, "message.subjects"),
    '{"op":"subscribe","subjects":"approval.granted"}': (422, "message.subjects"),
    '{"op":"subscribe","subscription":"a b"}': (422, "message.subscription"),
    '{"op":"subscribe","canary":1}': (422, "message.canary"),
    '{"op":"unsubscribe","after":"1"}': (422, "message"),
    '{"op":"unsubscribe"}': (404, ""),
}


async def test_nonsense_is_answered_and_the_connection_goes_on(open_gateway: OpenGateway) -> None:
    async with open_gateway(socket_messages_per_second=100) as front, talk(front) as client:
        for text, (status, field) in WRONG.items():
            await client.wire.send(text)
            told = await client.hear()
            assert (told["op"], told["status"]) == ("error", status), (text, told)
            assert [each["field"] for each in told["errors"]] == ([field] if field else []), text
            assert {"type", "title", "detail", "code", "instance", "request_id"} <= told.keys()
        assert (await client.ask(op="subscribe"))["op"] == "subscribed"


NAMES = st.sampled_from(["op", "after", "subjects", "subscription", "odd"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["subscribe", "unsubscribe", "0", *sorted(FOLLOWED)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.text() | st.dictionaries(NAMES, VALUES).map(json.dumps))
def test_a_text_is_an_order_or_it_is_said_what_is_wrong(text: str) -> None:
    try:
        order = order_in(text)
    except (GraceError, HTTPException, RequestValidationError) as error:
        told = json.loads(problem_frame(error, path="/api/ws", request_id="request-1"))
        assert told["op"] == "error"
        assert told["status"] in {400, 422}
    else:
        assert isinstance(order, Order)
        assert set(order.subjects or ()) <= FOLLOWED.keys()
        assert order.after is None or int(order.after) >= 0
        assert json.loads(frame(order.op, id=order.after))["op"] in {"subscribe", "unsubscribe"}
