"""Idempotency-Key: a repeat gets the first answer, and nothing is done twice."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.gateway.api.repeats import Attempt
from grace.gateway.domain.access import Key
from grace.gateway.domain.repeats import (
    KeptAnswer,
    Repeat,
    idempotency_key,
    is_kept,
    on_taken,
)
from grace.gateway.loops import Forget

OpenGateway = Callable[..., Any]
KEY = {"principal": "ada", "scopes": ["missions:read"]}
ONCE = {"Idempotency-Key": "order-1"}
APPROVE = "/api/approvals/approval-1/approve"
DECISION = {"shown_hash": "0" * 64}


async def keys_of(front: Any) -> int:
    rows = await front.house.rows("gateway", "SELECT count(*) AS n FROM api_keys")
    return int(rows[0]["n"])


async def test_a_repeat_is_answered_as_before_and_does_nothing(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        first = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        assert (first.status_code, await keys_of(front)) == (201, 2)
        assert "idempotency-replayed" not in first.headers
        for quoted in ("order-1", '"order-1"'):
            again = await front.admin.post(
                "/api/keys", json=KEY, headers={"Idempotency-Key": quoted}
            )
            assert (again.status_code, again.content) == (201, first.content)
            assert again.headers["idempotency-replayed"] == "true"
            assert again.headers["content-type"] == "application/json"
            assert again.headers["x-request-id"] != first.headers["x-request-id"]
        assert await keys_of(front) == 2
        other = await front.admin.post("/api/keys", json=KEY | {"name": "b"}, headers=ONCE)
        assert (other.status_code, other.json()["code"]) == (422, "invalid")
        assert "another request" in other.json()["detail"]
        told = {"Idempotency-Key": "order-2"}
        refused = [
            await front.admin.post("/api/knowledge/ingest", json=KEY | {"x": 1}, headers=told),
            await front.admin.post(APPROVE, json=DECISION, headers=ONCE),
            await front.admin.post("/api/keys", json=KEY | {"scopes": ["nope"]}, headers=told),
        ]
        assert [each.status_code for each in refused] == [422, 428, 422]
        # Nothing of it was begun: put right, it may have the same key.
        right = await front.admin.post("/api/keys", json=KEY, headers=told)
        assert (right.status_code, await keys_of(front)) == (201, 3)


async def test_a_refusal_that_was_decided_stays(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        clerk = await front.person("clerk", "keys:write")
        for replayed in (None, "true"):
            refused = await clerk.post("/api/keys", json=KEY, headers=ONCE)
            assert (refused.status_code, refused.headers.get("idempotency-replayed")) == (
                403,
                replayed,
            )
            assert refused.headers["content-type"] == "application/problem+json"


async def test_a_key_of_another_caller_is_another_key(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        clerk = await front.person("clerk", "keys:write", "keys:admin", "missions:read")
        first = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        second = await clerk.post("/api/keys", json=KEY, headers=ONCE)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["data"]["token"] != second.json()["data"]["token"]


async def test_nobody_can_read_a_kept_answer_out_of_the_database(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        made = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        rows = await front.house.rows("gateway", "SELECT * FROM idempotency_responses")
        assert len(rows) == 1
        secret = made.json()["data"]["token"].encode()
        assert secret not in rows[0]["body"]
        assert made.json()["data"]["key_id"].encode() not in rows[0]["body"]


async def test_of_many_at_once_one_is_done(open_gateway: OpenGateway) -> None:
    async with open_gateway(pool_size=8) as front:
        answers = await asyncio.gather(
            *(front.admin.post("/api/keys", json=KEY, headers=ONCE) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} <= {201, 409}
        done = [answer for answer in answers if answer.status_code == 201]
        assert len({answer.content for answer in done}) == 1
        assert await keys_of(front) == 2


async def test_a_request_in_hand_is_a_conflict_until_its_gateway_is_given_up(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        crashed = "UPDATE idempotency_responses SET status = NULL, body = NULL"
        await front.house.rows("gateway", crashed)
        held = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        assert (held.status_code, held.json()["code"]) == (409, "conflict")
        assert held.headers["Retry-After"] == "1"
        assert "in hand" in held.json()["detail"]
        await front.house.rows("gateway", "UPDATE idempotency_responses SET claimed_until = now()")
        other = await front.admin.post("/api/keys", json=KEY | {"name": "b"}, headers=ONCE)
        assert other.status_code == 422
        taken_over = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        assert taken_over.status_code == 201
        again = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        assert again.content == taken_over.content


async def test_a_failure_is_not_kept(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        headers = ONCE | {"If-Match": "*"}
        away = await front.admin.post(APPROVE, json=DECISION, headers=headers)
        assert away.status_code == 503
        async with front.house.running("governance"):
            there = await front.admin.post(APPROVE, json=DECISION, headers=headers)
        assert there.status_code == 404
        assert "idempotency-replayed" not in there.headers


async def test_answers_are_forgotten_when_nobody_may_ask_any_more(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        for name in ("old", "new"):
            headers = {"Idempotency-Key": name}
            await front.admin.post("/api/keys", json=KEY, headers=headers)
        expire = "UPDATE idempotency_responses SET expires_at = now() WHERE key = 'old'"
        await front.house.rows("gateway", expire)
        anew = await front.admin.post(
            "/api/keys", json=KEY | {"name": "c"}, headers={"Idempotency-Key": "old"}
        )
        assert anew.status_code == 201
        await front.house.rows("gateway", expire)
        assert await Forget().tick(front.services["gateway"]) is False
        rows = await front.house.rows("gateway", "SELECT key FROM idempotency_responses")
        assert [row["key"] for row in rows] == ["new"]


async def test_a_replaced_admin_token_cannot_read_what_the_old_one_asked(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        await front.house.rows(
            "gateway",
            "UPDATE api_keys SET token_hash = sha256(convert_to($1, 'UTF8'))"
            " WHERE principal = 'admin'",
            "grace_" + "y" * 43,
        )
        fresh = await front.client("grace_" + "y" * 43)
        answer = await fresh.post("/api/keys", json=KEY, headers=ONCE)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "replaced" in answer.json()["detail"]


def attempt(body: bytes = b"{}", query: bytes = b"", **head: str) -> Attempt:
    names = {"idempotency_key": "order-1"} | head
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in names.items()]
    scope = {"method": "POST", "path": "/x", "query_string": query, "headers": headers}
    key = Key("key-1", "default", "ada", "", (), "ada", datetime(2026, 11, 20, tzinfo=UTC))
    found = Attempt.of(scope, body, key=key, token="grace_x")
    assert found is not None
    return found


def test_another_request_is_one_that_asks_for_anything_else() -> None:
    first = attempt()
    assert attempt(user_agent="other") == first
    others = [
        attempt(b"[]"), attempt(query=b"dry_run=true"), attempt(if_match="*"), attempt(ce_id="1"),
        attempt(ce_id="2"), attempt(ce_id="1", ce_type="k"), attempt(ce_type="1"),
    ]  # fmt: skip
    assert len({first.request_hash, *(each.request_hash for each in others)}) == 1 + len(others)


@given(st.text(max_size=300))
def test_a_key_is_one_to_255_visible_characters(given_key: str) -> None:
    found = idempotency_key(given_key)
    if found is None:
        return
    assert 1 <= len(found) <= 255
    assert all("!" <= letter <= "~" for letter in found)
    assert idempotency_key(found) == found


@pytest.mark.parametrize("wrong", ["", " ", '"', '""', '"a', 'a"', "a b", "é", "\x7f", "x" * 256])
def test_what_is_no_key_is_none(wrong: str) -> None:
    assert idempotency_key(wrong) is None


def test_a_taken_key_is_judged_by_its_request_first() -> None:
    ours, theirs = b"1" * 32, b"2" * 32
    assert on_taken(None, ours) is Repeat.IN_HAND
    assert on_taken(KeptAnswer(ours), ours) is Repeat.IN_HAND
    assert on_taken(KeptAnswer(ours, 201, b"x"), ours) is Repeat.REPLAY
    assert on_taken(KeptAnswer(theirs), ours) is Repeat.OTHER_REQUEST
    assert on_taken(KeptAnswer(theirs, 201, b"x"), ours) is Repeat.OTHER_REQUEST


def test_only_what_stays_true_is_kept() -> None:
    kept = {status for status in (200, 201, 202, 204, 403, 404, 409, 412) if is_kept(status)}
    assert kept == {200, 201, 202, 204, 403, 404, 409, 412}
    assert not any(is_kept(each) for each in (400, 408, 415, 422, 428, 429, 500, 503, 504))
