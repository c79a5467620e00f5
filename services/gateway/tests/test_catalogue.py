"""The catalogue of bad inputs: each row over a raw socket, and none of them is a 5xx.

The rows of one kind stand together; what needs two requests is in test_repeats and test_api.
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import REGISTRY

OpenGateway = Callable[..., Any]

HASH = "0" * 64
DECISION = {"shown_hash": HASH}
JSON = "application/json"
APPROVE = "/api/approvals/approval-1/approve"
BASELINE = "/api/verification/benchmarks/baseline"
KEYS = "/api/keys"
TARGET = {"target": "shop-db", "operation": "postgres.activity"}
KEY = {"principal": "ada", "scopes": ["missions:read"]}
FREEZES, DELEGATE = "/api/freezes", "/api/approvals/approval-1/delegate"
LENT: dict[str, Any] = {"delegated_to": "bob", "reason": "away"}
EARLY, LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"
SUBMIT = "/api/intents/submit"
INTENT: dict[str, Any] = {"intent_id": "i", "goal": "g", "domain": "d", "sla_ms": 1}
MIB = 1024 * 1024
TIMEOUT = 0.3
# Rows are independent of one another: this many at once.
AT_ONCE = 8


@dataclass(frozen=True)
class Row:
    """A request with the status that answers it; `raw` is sent as it is, and then no more."""

    name: str
    status: int
    path: str = ""
    body: bytes | None = None
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    strangers: bool = False

    def sent(self, token: str) -> bytes:
        if self.raw is not None:
            return self.raw.replace(b"TOKEN", token.encode())
        method = self.method or ("GET" if self.body is None else "POST")
        headers = {"Host": "x", "Connection": "close"} | self.headers
        if not self.strangers:
            headers = {"X-API-Key": token} | headers
        if self.body is not None:
            headers = {"Content-Type": JSON, "Content-Length": str(len(self.body))} | headers
        lines = [f"{method} {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body or b"")


def approve(name: str, status: int, body: object, **more: Any) -> Row:
    return Row(name, status, APPROVE, _bytes(body), **more)


def baseline(name: str, status: int, **fields: object) -> Row:
    return Row(name, status, BASELINE, json.dumps(TARGET | fields).encode())


def quotas(name: str, status: int, *, capacity: object = 50, **fields: object) -> Row:
    quota = {"origin": "intent", "share_percent": 25} | fields
    body = _bytes({"capacity": capacity, "quotas": [quota]})
    return Row(name, status, "/api/htm/quotas", body, method="PUT")


def limit(name: str, status: int, **fields: object) -> Row:
    body = _bytes({"key": "shop-db"} | fields)
    return Row(name, status, "/api/htm/limits", body, method="PUT")


def schedule(name: str, status: int, **fields: object) -> Row:
    task = {"type": "t", "kernel": "noop", "operation": "o", "target": "t"}
    body = _bytes({"name": "look", "cron": "* * * * *", "task": task} | fields)
    return Row(name, status, "/api/htm/schedules", body)


def post(name: str, status: int, path: str, **fields: object) -> Row:
    return Row(name, status, path, _bytes(fields))


def params(name: str, status: int, text: str) -> Row:
    body = b'{"target":"t","operation":"o","params":' + text.encode() + b"}"
    return Row(name, status, BASELINE, body)


def key(name: str, status: int, **fields: object) -> Row:
    return Row(name, status, KEYS, json.dumps(KEY | fields).encode())


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def head(*lines: str) -> bytes:
    return "\r\n".join(["GET /api/keys HTTP/1.1", "Host: x", "X-API-Key: TOKEN", *lines]).encode()


TEXT = [
    approve("NUL in text", 422, DECISION | {"reason": "a\x00b"}),
    params("NUL in free JSON", 422, '{"a":"\\u0000"}'),
    params("NUL in a name", 422, '{"\\u0000":1}'),
    Row("NUL in a path", 422, "/api/missions/%00"),
    Row("NUL in a path that has no route", 422, "/api/none/%00"),
    Row("NUL in a query", 422, "/api/missions?cursor=%00"),
    Row("NUL in the name of a parameter", 422, "/api/missions?%00=1"),
    Row("NUL in a header", 400, raw=head("X-Odd: a\x00b", "", "")),
    approve("lone surrogate in text", 422, b'{"shown_hash":"' + HASH.encode() + b'","reason":"\\ud800"}'),
    params("lone surrogate in free JSON", 422, '{"a":"\\udfff"}'),
    Row("no UTF-8 in a path", 422, "/api/missions/%ff%fe"),
    Row("no UTF-8 in a query", 422, "/api/missions?cursor=%ff%fe"),
    Row("surrogate in UTF-8", 422, "/api/missions/%ed%a0%80"),
    approve("UTF-16", 400, json.dumps(DECISION).encode("utf-16")),
    approve("byte order mark", 400, b"\xef\xbb\xbf" + json.dumps(DECISION).encode()),
    approve("invalid UTF-8", 400, b"\xff\xfe"),
]  # fmt: skip
NUMBERS = [
    baseline("int beyond int32", 422, timeout_ms=2**31),
    baseline("int beyond int64", 422, timeout_ms=2**63),
    baseline("negative int", 422, timeout_ms=-1),
    baseline("zero", 422, timeout_ms=0),
    baseline("int as text", 422, timeout_ms="12"),
    baseline("int as float", 422, timeout_ms=12.0),
    baseline("int as bool", 422, timeout_ms=True),
    params("int beyond int64 in free JSON", 422, '{"a":' + "9" * 30 + "}"),
    params("int of 5,000 digits", 400, '{"a":' + "1" * 5000 + "}"),
    params("NaN", 422, "NaN"),
    params("-Infinity", 422, '{"a":-Infinity}'),
    params("1e999", 422, '{"a":1e999}'),
    post("int that no double holds in details", 422, SUBMIT, **INTENT, details={"a": 2**53 + 1}),
    key("rate limit below none", 422, rate_limit=-1),
    key("rate limit as bool", 422, rate_limit=True),
    *(
        Row(f"limit={limit[:20]}", 422, f"/api/missions?limit={limit}")
        for limit in ("-1", "0", "101", str(2**63), str(10**20), "ten", "", "1.5", "1" * 5000)
    ),
    Row("index below zero", 422, "/api/log/proof?index=-1"),
    Row("index beyond int64", 422, f"/api/log/proof?index={2**63}"),
    Row("start below zero", 422, "/api/log/entries?start=-1"),
    Row("limit beyond the most", 422, "/api/log/entries?limit=1001"),
]
IDS = [
    baseline("id of 900,000 characters", 422, target="x" * 900_000),
    baseline("id of 129 characters", 422, target="x" * 129),
    baseline("empty id", 422, target=""),
    baseline("id with a wildcard", 422, target="*"),
    key("empty principal", 422, principal=""),
    key("principal in capitals", 422, principal="Ada"),
    Row("long id in a path", 422, "/api/missions/" + "x" * 129),
    Row("blank in a path", 422, "/api/missions/a%20b"),
    Row("emoji in a path", 422, "/api/missions/%F0%9F%92%A9/timeline"),
    Row("quote in a path", 422, "/api/htm/tasks/a'b"),
    Row("steps out of a path", 404, "/api/approvals/..%2f..%2fetc"),
    Row("steps out of a path, unquoted", 404, "/api/approvals/../../etc/passwd"),
]
TIMES = [
    key("year 1 with +14:00", 422, expires_at="0001-01-01T00:00:00+14:00"),
    key("year 9999 with -12:00", 422, expires_at="9999-12-31T23:59:59-12:00"),
    key("naive time", 422, expires_at="2030-01-01T00:00:00"),
    key("time in the past", 422, expires_at="2020-01-01T00:00:00Z"),
    key("time as a huge number", 422, expires_at=10**20),
    post("freeze until year 9999 with -12:00", 422, FREEZES, reason="r", ends_at=LATE),
    post("freeze until year 1 with +14:00", 422, FREEZES, reason="r", ends_at=EARLY),
    post("freeze for ever", 422, FREEZES, reason="r", ends_at="9999-12-31T23:59:59.999999Z"),
    Row("tasks since the first moment", 422, "/api/htm/tasks?since=0001-01-01T00:00:00Z"),
    post("delegation until year 9999 with -12:00", 422, DELEGATE, **LENT, ends_at=LATE),
    post("delegation until a number", 422, DELEGATE, **LENT, ends_at=2_000_000_000),
]
SHAPES = [
    approve("unknown field", 422, DECISION | {"unknown": 1}),
    approve("key twice", 422, b'{"shown_hash":"a","shown_hash":"b"}'),
    approve("wrong type", 422, {"shown_hash": 0}),
    approve("empty text", 422, {"shown_hash": ""}),
    approve("no hex", 422, {"shown_hash": "G" * 64}),
    post("goal too long", 422, SUBMIT, **INTENT | {"goal": "x" * 2001}),
    approve("text too long", 422, DECISION | {"reason": "x" * 1001}),
    approve("empty object", 422, b"{}"),
    approve("array", 422, b"[]"),
    approve("null", 422, b"null"),
    approve("nothing", 400, b""),
    approve("half of an object", 400, b"{"),
    approve("two documents", 400, b"{}{}"),
    params("depth 65", 422, "[" * 64 + "]" * 64),
    params("depth 900", 422, "[" * 900 + "]" * 900),
    params("depth 100,000", 400, "[" * 100_000 + "]" * 100_000),
    params("long free JSON", 422, '{"a":"' + "x" * 70_000 + '"}'),
    key("no scope", 422, scopes=[]),
    key("unknown scope", 422, scopes=["everything"]),
    Row("5,000 fields", 422, KEYS, json.dumps({f"field-{n}": n for n in range(5000)}).encode()),
    Row("unknown parameter", 422, "/api/missions?unknown=1"),
    Row("unknown status", 422, "/api/missions?status=perhaps"),
    Row("parameter twice", 422, "/api/missions?limit=1&limit=2"),
    Row("parameter twice, once quoted", 422, "/api/missions?limit=1&%6cimit=2"),
    Row("neither of two", 422, "/api/log/proof"),
    Row("both of two", 422, "/api/log/proof?index=0&message_id=a"),
]
SHARES = [
    quotas("capacity of none", 422, capacity=0),
    quotas("capacity as text", 422, capacity="50"),
    quotas("capacity beyond the most", 422, capacity=10**9),
    quotas("share below zero", 422, share_percent=-1),
    quotas("share above the whole", 422, share_percent=101),
    quotas("share in parts", 422, share_percent=12.5),
    quotas("weight below zero", 422, weight=-1.0),
    quotas("weight of nothing", 422, weight=0.0),
    quotas("origin with a blank", 422, origin="a b"),
    quotas("origin with a slash", 422, origin="outside/x"),
    quotas("origin that is empty", 422, origin=""),
    quotas("lends as a number", 422, lends=1),
    quotas("unknown word in a quota", 422, borrows=True),
    limit("limit of no task", 422, concurrency=0),
    limit("limit below zero", 422, concurrency=-1),
    limit("rate of nothing", 422, rate_per_second=0),
    limit("rate beyond the most", 422, rate_per_second=1e300),
    limit("burst of nothing", 422, rate_per_second=1.0, burst=0),
    limit("limit for a key with a wildcard", 422, key="*", concurrency=1),
    schedule("schedule of a number", 422, cron=5),
    schedule("schedule with a policy that nobody knows", 422, catch_up="some"),
    schedule("schedule with a task that it does not describe", 422, task={}),
    Row("limit of a key with a blank", 422, "/api/htm/limits/a%20b", method="DELETE"),
]
CURSORS = [
    Row("forged cursor", 400, "/api/missions?cursor=forged"),
    Row("cursor without a seal", 400, "/api/missions?cursor=bWlzc2lvbnMvbWlzc2lvbi0x"),
    Row("cursor with a wrong seal", 400, "/api/missions?cursor=bWlzc2lvbnMvbWlzc2lvbi0x.AAAA"),
    Row("empty cursor", 400, "/api/missions?cursor="),
    Row("long cursor", 400, "/api/missions?cursor=" + "x" * 257),
]
MEDIA = [
    approve("text/plain", 415, DECISION, headers={"Content-Type": "text/plain"}),
    approve("a form", 415, DECISION, headers={"Content-Type": "application/x-www-form-urlencoded"}),
    approve("charset=utf-16", 415, DECISION, headers={"Content-Type": f"{JSON}; charset=utf-16"}),
    Row("no media type", 415, raw=f"POST {APPROVE} HTTP/1.1\r\nHost: x\r\nX-API-Key: TOKEN\r\n".encode() + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"),
]  # fmt: skip
CHUNKED = f"POST {APPROVE} HTTP/1.1\r\nHost: x\r\nX-API-Key: TOKEN\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n".encode()
SIZES = [
    approve("body beyond 1 MiB", 413, b" " * (MIB + 1)),
    approve("announced 60 MiB", 413, b"{", headers={"Content-Length": str(60 * MIB)}),
    Row("chunked beyond 1 MiB", 413, raw=CHUNKED + b"\r\n" + (b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 33),
    Row("head beyond 16 KiB in one header", 431, KEYS, headers={"X-Odd": "x" * 16_400}),
    Row("head beyond 16 KiB in many headers", 431, KEYS, headers={f"X-{n}": "x" * 100 for n in range(160)}),
    Row("head beyond 16 KiB in the path", 431, "/api/missions/" + "x" * 16_400),
    Row("head beyond 16 KiB without a key", 431, KEYS, headers={"X-Odd": "x" * 16_400}, strangers=True),
    Row("head without an end", 431, raw=head("X-Odd: " + "x" * 40_000)),
]  # fmt: skip
SLOW = [
    Row("half a request line", 408, raw=b"GET /api/ke"),
    Row("half a head", 408, raw=head("X-Odd: a")),
    Row("half a body", 408, raw=f"POST {APPROVE} HTTP/1.1\r\nHost: x\r\nX-API-Key: TOKEN\r\nContent-Type: {JSON}\r\n".encode() + b"Content-Length: 100\r\n\r\n{"),
    Row("half a chunk", 408, raw=CHUNKED + b"\r\n5\r\nab"),
]  # fmt: skip
HTTP = [
    Row("no HTTP", 400, raw=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    Row("no Host", 400, raw=b"GET /api/keys HTTP/1.1\r\nX-API-Key: TOKEN\r\n\r\n"),
    Row("blank in a header's name", 400, raw=head("X Odd: a", "", "")),
    Row("two lengths", 400, raw=head("Content-Length: 1", "Content-Length: 2", "", "a")),
    Row("length and chunks", 400, raw=CHUNKED + b"Content-Length: x\r\n\r\n0\r\n\r\n"),
    Row("unknown transfer coding", 501, raw=head("Transfer-Encoding: gzip", "", "")),
    Row("broken chunk", 400, raw=CHUNKED + b"\r\nxyz\r\n"),
    Row("X-API-Key twice", 400, raw=head("X-API-Key: TOKEN", "Connection: close", "", "")),
    Row("attribute of an event twice", 400, raw=head("Connection: close", "ce-id: a", "Ce-Id: b", "", "")),
    Row("If-Match twice", 400, raw=f'POST {APPROVE} HTTP/1.1\r\nHost: x\r\nX-API-Key: TOKEN\r\nContent-Type: {JSON}\r\nConnection: close\r\nIf-Match: *\r\nIf-Match: "1"\r\nContent-Length: 2\r\n\r\n'.encode() + b"{}"),
    Row("method that the path has not", 405, "/api/missions", method="DELETE"),
    Row("method that nothing has", 405, KEYS, method="BREW"),
    Row("path that is not there", 404, "/api/none"),
    Row("path that is not there, beside the API", 404, "/none", strangers=True),
    Row("path with a slash at its end", 404, KEYS + "/"),
    Row("path of another host", 404, "http://other/api/keys"),
    Row("WebSocket", 404, "/api/none", headers={"Connection": "Upgrade, close", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "eA=="}),
    Row("no key", 401, KEYS, strangers=True),
    Row("unknown id", 404, "/api/approvals/approval-none"),
    approve("Idempotency-Key with a blank", 400, DECISION, headers={"Idempotency-Key": "a b"}),
    approve("Idempotency-Key of 256", 400, DECISION, headers={"Idempotency-Key": "x" * 256}),
    approve("empty Idempotency-Key", 400, DECISION, headers={"Idempotency-Key": ""}),
    approve("Idempotency-Key with half a quote", 400, DECISION, headers={"Idempotency-Key": '"a'}),
    approve("Idempotency-Key beyond ASCII", 400, DECISION, headers={"Idempotency-Key": "é"}),
    approve("no If-Match where one is needed", 428, DECISION),
    approve("If-Match that is no ETag", 412, DECISION, headers={"If-Match": "2"}),
]  # fmt: skip
ROWS = [*TEXT, *NUMBERS, *IDS, *TIMES, *SHAPES, *SHARES, *CURSORS, *MEDIA, *SIZES, *SLOW, *HTTP]


async def ask(front: Any, row: Row) -> bytes:
    """Send a row and read until the gateway hangs up."""
    host, port = front.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(20):
            writer.write(row.sent(front.token))
            return await _until_closed(reader)
    finally:
        writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    try:
        while piece := await reader.read(65536):
            answer += piece
    except ConnectionError:
        pass  # it hung up on what it would not read
    return answer


def wrong(row: Row, answer: bytes) -> str | None:
    """What is not as it should be."""
    top, _, body = answer.partition(b"\r\n\r\n")
    lines = top.decode("latin-1").split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
    if f" {row.status} " not in lines[0]:
        return f"{row.status} wanted, {lines[0]} {body[:200]!r}"
    if headers.get("content-type") != "application/problem+json":
        return f"no problem: {headers}"
    problem = json.loads(body)
    if problem["status"] != row.status or problem["request_id"] != headers["x-request-id"]:
        return f"contradicts its head: {problem}"
    if headers.get("x-content-type-options") != "nosniff":
        return f"a browser may guess what it is: {headers}"
    told = len(answer) < 8192 and problem["detail"] and b"Traceback" not in answer
    return None if told else f"tells too much or too little: {body[:200]!r}"


def unread(status: int) -> float:
    labels = {"method": "other", "route": "unread", "status": str(status)}
    return REGISTRY.get_sample_value("grace_gateway_requests_total", labels) or 0


async def test_every_row_has_its_answer(open_gateway: OpenGateway) -> None:
    timeouts = {"head_timeout": f"PT{TIMEOUT}S", "body_timeout": f"PT{TIMEOUT}S"}
    async with open_gateway("governance", admin_rate_limit=0, **timeouts) as front:
        gate = asyncio.Semaphore(AT_ONCE)

        async def judged(row: Row) -> tuple[str, str | None]:
            async with gate:
                return row.name, wrong(row, await ask(front, row))

        before = unread(408)
        judgements = dict(await asyncio.gather(*(judged(row) for row in ROWS)))
        assert unread(408) == before + 2, "what never became a request is counted too"
    assert {name: said for name, said in judgements.items() if said} == {}
    assert len(judgements) == len(ROWS) >= 100


async def test_a_connection_that_only_waits_is_closed(open_gateway: OpenGateway) -> None:
    async with open_gateway(head_timeout="PT0.3S", body_timeout="PT0.3S") as front:
        assert await ask(front, Row("nothing at all", 0, raw=b"")) == b""
        answered = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        then_slow = await ask(front, Row("slow after a quick one", 0, raw=answered + b"GET /hea"))
        assert then_slow.startswith(b"HTTP/1.1 200 ")
        unread = b"GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nx"
        assert (await ask(front, Row("a body that nobody reads", 0, raw=unread))).startswith(
            b"HTTP/1.1 200 "
        )


async def test_what_was_sent_is_not_repeated(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        canary = "canary-4711"
        body = {"shown_hash": canary, "reason": 5}
        answer = await front.admin.post(APPROVE, json=body)
        assert answer.status_code == 422
        assert canary not in answer.text
        fields = {error["field"] for error in answer.json()["errors"]}
        assert fields == {"body.shown_hash", "body.reason"}


async def test_every_answer_guards_the_browser_that_reads_it(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        bare = await front.client()
        for path in ("/health/live", "/api/keys", "/none", "/openapi.json"):
            headers = (await bare.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["cache-control"] == "no-store", path
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert headers["x-frame-options"] == "DENY", path
            assert "server" not in headers, path


async def test_the_pages_for_people_load_nothing_from_elsewhere(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        bare = await front.client()
        for path, files in (("/docs", 3), ("/redoc", 2)):
            page = await bare.get(path)
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'; script-src 'self' 'unsafe-inline';" in policy
            assert "://" not in policy
            loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
            assert len(loaded) == files
            for each in loaded:
                found = await bare.get(each)
                assert (found.status_code, len(found.content) > 1000) == (200, True), each
