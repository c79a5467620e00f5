"""Bad input: every row has its answer, and none of them is a 5xx."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

OpenGateway = Callable[..., Any]

HASH = "0" * 64
DECISION = {"shown_hash": HASH}
JSON = {"Content-Type": "application/json"}
APPROVE = "/api/approvals/approval-1/approve"
BASELINE = "/api/verification/benchmarks/baseline"
TARGET = {"target": "shop-db", "operation": "postgres.activity"}
KEY = {"principal": "ada", "scopes": ["missions:read"]}


def params(text: str) -> bytes:
    return b'{"target":"t","operation":"o","params":' + text.encode() + b"}"


BODIES: list[tuple[str, bytes, int]] = [
    (APPROVE, b'{"shown_hash":"\\u0000"}', 422),
    (APPROVE, json.dumps(DECISION | {"reason": "a\x00b"}).encode(), 422),
    (APPROVE, b'{"shown_hash":"' + HASH.encode() + b'","reason":"\\ud800"}', 422),
    (APPROVE, json.dumps(DECISION | {"reason": "x" * 1001}).encode(), 422),
    (APPROVE, json.dumps(DECISION | {"unknown": 1}).encode(), 422),
    (APPROVE, json.dumps({"shown_hash": HASH.upper() + "G"}).encode(), 422),
    (APPROVE, json.dumps({"shown_hash": 0}).encode(), 422),
    (APPROVE, json.dumps({"shown_hash": ""}).encode(), 422),
    (APPROVE, b"{}", 422),
    (APPROVE, b"[]", 422),
    (APPROVE, b"null", 422),
    (APPROVE, b'{"shown_hash":"a","shown_hash":"b"}', 422),
    (APPROVE, b"", 400),
    (APPROVE, b"{", 400),
    (APPROVE, b"\xff\xfe", 400),
    (APPROVE, b"\xef\xbb\xbf" + json.dumps(DECISION).encode(), 400),
    (APPROVE, json.dumps(DECISION).encode("utf-16"), 400),
    (BASELINE, params("NaN"), 422),
    (BASELINE, params('{"a":1e999}'), 422),
    (BASELINE, params('{"a":-Infinity}'), 422),
    (BASELINE, params('{"a":' + "9" * 30 + "}"), 422),
    (BASELINE, params('{"a":' + "1" * 5000 + "}"), 400),
    (BASELINE, params('{"a":' + "[" * 900 + "]" * 900 + "}"), 422),
    (BASELINE, params('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"), 400),
    (BASELINE, params('{"a":"' + "x" * 70_000 + '"}'), 422),
    (BASELINE, json.dumps(TARGET | {"timeout_ms": 12.0}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"timeout_ms": "12"}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"timeout_ms": True}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"timeout_ms": -1}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"timeout_ms": 2**63 - 1}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"target": ""}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"target": "*"}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"target": "x" * 129}).encode(), 422),
    (BASELINE, json.dumps(TARGET | {"target": "x" * 900_000}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"expires_at": "2030-01-01T00:00:00"}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"expires_at": "0001-01-01T00:00:00+14:00"}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"expires_at": "9999-12-31T23:59:59-12:00"}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"expires_at": "2020-01-01T00:00:00Z"}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"expires_at": 10**20}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"principal": "Ada"}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"principal": ""}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"scopes": []}).encode(), 422),
    ("/api/keys", json.dumps(KEY | {"scopes": ["everything"]}).encode(), 422),
    ("/api/keys", json.dumps({f"field-{n}": n for n in range(5000)}).encode(), 422),
]
QUERIES: list[tuple[str, int]] = [
    ("/api/missions?limit=-1", 422),
    ("/api/missions?limit=0", 422),
    ("/api/missions?limit=101", 422),
    ("/api/missions?limit=9223372036854775808", 422),
    ("/api/missions?limit=100000000000000000000", 422),
    ("/api/missions?limit=ten", 422),
    ("/api/missions?limit=" + "1" * 5000, 422),
    ("/api/missions?unknown=1", 422),
    ("/api/missions?status=perhaps", 422),
    ("/api/missions?cursor=forged", 400),
    ("/api/missions?cursor=%00", 400),
    ("/api/missions?cursor=%ff%fe", 400),
    ("/api/missions?cursor=" + "x" * 257, 422),
    ("/api/missions/%00", 422),
    ("/api/missions/a%20b", 422),
    ("/api/missions/" + "x" * 129, 422),
    ("/api/missions/%F0%9F%92%A9/timeline", 422),
    ("/api/approvals/..%2f..%2fetc", 404),
    ("/api/log/proof", 422),
    ("/api/log/proof?index=0&message_id=a", 422),
    ("/api/log/proof?index=-1", 422),
    ("/api/log/proof?index=9223372036854775808", 422),
    ("/api/log/entries?start=-1", 422),
    ("/api/log/entries?limit=1001", 422),
    ("/api/htm/tasks/a'b", 422),
]


@pytest.fixture
def refused() -> Callable[[Any, int], None]:
    def check(answer: httpx.Response, status: int) -> None:
        assert answer.status_code == status, answer.text[:300]
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == status
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert len(answer.content) < 8192
        assert "Traceback" not in answer.text

    return check


async def test_every_bad_body_has_its_answer(
    open_gateway: OpenGateway, refused: Callable[[Any, int], None]
) -> None:
    async with open_gateway() as front:
        for path, body, status in BODIES:
            refused(await front.admin.post(path, content=body, headers=JSON), status)


async def test_every_bad_query_has_its_answer(
    open_gateway: OpenGateway, refused: Callable[[Any, int], None]
) -> None:
    async with open_gateway() as front:
        for path, status in QUERIES:
            refused(await front.admin.get(path), status)


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", None],
)
async def test_other_media_are_not_read(
    open_gateway: OpenGateway, refused: Callable[[Any, int], None], media: str | None
) -> None:
    async with open_gateway() as front:
        headers = {"Content-Type": media} if media else {}
        body = json.dumps(DECISION).encode()
        refused(await front.admin.post(APPROVE, content=body, headers=headers), 415)


async def test_a_body_beyond_the_limit_is_refused_announced_or_not(
    open_gateway: OpenGateway, refused: Callable[[Any, int], None]
) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 32_768

    async with open_gateway() as front:
        announced = await front.admin.post(APPROVE, content=b" " * (1024 * 1024 + 1), headers=JSON)
        refused(announced, 413)
        refused(await front.admin.post(APPROVE, content=drops(), headers=JSON), 413)


async def test_a_body_that_trickles_in_is_not_waited_for(open_gateway: OpenGateway) -> None:
    async with open_gateway(body_timeout="PT0.2S") as front:
        host, port = front.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {APPROVE} HTTP/1.1\r\nHost: x\r\nX-API-Key: {front.token}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        writer.write(head.encode())
        answer = await asyncio.wait_for(reader.read(), timeout=5)
        writer.close()
        await writer.wait_closed()
        assert answer.startswith(b"HTTP/1.1 408")


async def test_a_method_that_a_path_has_not_is_said_so(
    open_gateway: OpenGateway, refused: Callable[[Any, int], None]
) -> None:
    async with open_gateway() as front:
        refused(await front.admin.delete("/api/missions"), 405)


async def test_what_was_sent_is_not_repeated(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        canary = "canary-4711"
        body = {"shown_hash": canary, "reason": 5}
        answer = await front.admin.post(APPROVE, json=body)
        assert answer.status_code == 422
        assert canary not in answer.text
        fields = {error["field"] for error in answer.json()["errors"]}
        assert fields == {"body.shown_hash", "body.reason"}
