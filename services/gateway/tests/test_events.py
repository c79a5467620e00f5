"""Events as they happen: what arrives, what does not, and how a stream goes on or ends."""

import asyncio
import base64
import json
from collections.abc import Callable, MutableMapping
from contextlib import AsyncExitStack
from datetime import timedelta
from time import perf_counter
from typing import Any

import pytest
from structlog.testing import capture_logs

from grace.gateway.api import feed as feeds
from grace.gateway.api.callers import Caller
from grace.gateway.api.cursors import Seal
from grace.gateway.api.feed import Feed
from grace.gateway.api.limits import Limits
from grace.gateway.api.provider_keys import ProviderKeys
from grace.gateway.api.reports import reports
from grace.gateway.api.sign_on import SignOn
from grace.gateway.api.streaming import EventStream
from grace.gateway.api.submissions import submissions
from grace.gateway.domain.access import Key, Scope
from grace.gateway.domain.following import Interest, Start
from grace.gateway.settings import Settings
from grace.testkit import eventually

from .watching import (
    NOW,
    SECRET,
    STREAM,
    follow,
    granted,
    next_approval,
    requested,
    sequence_of,
    tell,
)

OpenGateway = Callable[..., Any]
ROUNDING = 0.0001  # seconds: how the log rounds
KEY = Key("key-1", "default", "eve", "", ("events:read",), "admin", NOW)


async def test_events_arrive_and_a_lost_client_goes_on_where_it_was(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("identity") as front:
        governance = await front.house.act_as("governance")
        async with follow(front.admin) as live, follow(front.admin) as second:
            await tell(governance, requested("one"))
            first = await next_approval(live)
            assert first.event == first.data["subject"] == "approval.requested"
            assert first.id == await sequence_of(front.house, "one")
            assert first.data["data"]["quorum"] == 1
            assert first.data["issued_at"].endswith("Z")
            assert first.data["message_id"]
            assert (await next_approval(second)).data == first.data
        await tell(governance, requested("two"), requested("three"))
        await eventually(lambda: sequence_of(front.house, "three"))
        async with follow(front.admin, last_id=first.id) as again:
            missed = [(await next_approval(again)).approval for _ in range(2)]
            assert missed == ["two", "three"]
            await tell(governance, requested("four"))
            assert (await next_approval(again)).approval == "four"
        async with follow(front.admin, f"?after={first.id}") as asked:
            assert (await next_approval(asked)).approval == "two"
        async with follow(front.admin, "?after=0") as everything:
            oldest, told = (await front.house.kept("EVENTS"))[0], await anext(everything)
            assert (told.id, told.event) == (str(oldest.seq), oldest.subject)
            assert (await next_approval(everything)).approval == "one"
        async with follow(front.admin, "?after=0", last_id=first.id) as header_first:
            assert (await next_approval(header_first)).approval == "two"


async def test_who_decides_follows_approvals_and_nothing_else(open_gateway: OpenGateway) -> None:
    async with open_gateway(event_heartbeat="PT0.05S") as front:
        governance = await front.house.act_as("governance")
        ada = await front.person("ada", "approvals:read")
        assert (await ada.get(STREAM)).status_code == 403
        await tell(governance, requested("one"), requested("elsewhere", "shop"), requested("two"))
        await eventually(lambda: sequence_of(front.house, "two"))
        async with follow(ada, "?after=0", path="/api/approvals/stream") as told:
            first, second = await anext(told), await anext(told)
            assert [first.approval, second.approval] == ["one", "two"]
            assert (await anext(told)).comment == "heartbeat"
            narrowed = "UPDATE api_keys SET scopes = '{events:read}' WHERE principal = 'ada'"
            await front.house.rows("gateway", narrowed)
            last = [block async for block in told][-1]
            assert last.data["reason"] == "This API key lacks the scope approvals:read now."
        bob = await front.person("bob", "events:read")
        assert (await bob.get("/api/approvals/stream")).status_code == 403


async def test_a_stream_is_answered_when_it_begins(open_gateway: OpenGateway) -> None:
    """Its whole life would be the mean that an alert watches."""
    async with open_gateway() as front:
        governance = await front.house.act_as("governance")
        with capture_logs() as logged:
            asked = perf_counter()
            async with follow(front.admin) as live:
                begun = perf_counter()
                await tell(governance, requested("one"))
                assert (await next_approval(live)).approval == "one"

            def ended() -> dict[str, Any] | None:
                told = [each for each in logged if each.get("route") == STREAM]
                return told[0] if told else None

            line = await eventually(ended)
        assert line["seconds"] <= begun - asked + ROUNDING


async def test_only_what_may_leave_leaves(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        governance = await front.house.act_as("governance")
        async with follow(front.admin) as live:
            forged = requested("forged").to_bytes()
            await front.house.publish_raw(user="tester", subject="approval.requested", body=forged)
            await tell(governance, requested("foreign", tenant="other"))
            await tell(governance, granted("own"))
            block = await next_approval(live)
        assert (block.event, block.approval) == ("approval.granted", "own")
        assert block.data["data"]["decided_by"] == ["bob"]
        text = json.dumps(block.data)
        assert "grants" not in text
        assert "canary" not in text
        assert base64.b64encode(SECRET).decode() not in text
        await front.house.rows("gateway", "UPDATE api_keys SET tenant_id = 'other'")
        async with follow(front.admin, "?after=0") as others:
            assert (await anext(others)).approval == "foreign"


async def test_a_client_chooses_subjects_and_is_told_what_it_asked_wrongly(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        governance = await front.house.act_as("governance")
        async with follow(front.admin, "?subjects=approval.granted,job.enqueued") as chosen:
            await tell(governance, requested("unwanted"), granted("wanted"))
            assert (await next_approval(chosen)).approval == "wanted"
        wrong = {
            "?subjects=approval.granted,none": "query.subjects",
            "?subjects=": "query.subjects",
            "?subjects=error.detected": "query.subjects",
            "?subjects=approval.*": "query.subjects",
            "?after=-1": "query.after",
            "?after=9223372036854775808": "query.after",
            "?unknown=1": "query.unknown",
        }
        for query, field in wrong.items():
            answer = await front.admin.get(STREAM + query)
            assert answer.status_code == 422, query
            assert [error["field"] for error in answer.json()["errors"]] == [field]
        for last_id in ("x", "-1", "1" * 20, "1.5"):
            answer = await front.admin.get(STREAM, headers={"Last-Event-ID": last_id})
            assert answer.status_code == 422, last_id
            assert "last-event-id" in answer.json()["errors"][0]["field"]


async def test_who_is_ahead_of_the_stream_is_told_that_it_was_made_anew(
    open_gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_LOOK_SECONDS", 0.2)
    async with open_gateway() as front:
        governance = await front.house.act_as("governance")
        await tell(governance, requested("kept"))
        await eventually(lambda: sequence_of(front.house, "kept"))
        async with follow(front.admin, last_id="999999") as told:
            block = await anext(told)
            assert block.event == "gap"
            assert "made anew" in block.data["reason"]
            assert (await next_approval(told)).approval == "kept"
            await front.house.empty_streams()
            assert [block.event async for block in told][-1] == "lagging"


async def test_a_client_that_falls_behind_is_told_and_loses_nothing(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway(event_backlog=1) as front:
        governance = await front.house.act_as("governance")
        names = [f"approval-{number}" for number in range(40)]
        seen: list[str] = []
        last_id, endings = "0", 0
        while names[-1] not in seen:
            async with follow(front.admin, "?subjects=approval.requested", last_id) as told:
                if not seen:
                    await tell(governance, *(requested(name) for name in names))
                async for block in told:
                    endings += block.event == "lagging"
                    last_id = block.id or last_id
                    if block.approval:
                        seen.append(block.approval)
                    if seen[-1:] == names[-1:]:
                        break
        assert seen == names
        assert endings >= 1  # forty at a time do not fit where one has room


async def test_a_stream_ends_with_its_key_its_share_and_its_gateway(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway(event_heartbeat="PT0.05S", event_streams_per_key=1) as front:
        made = await front.admin.post(
            "/api/keys", json={"principal": "eve", "scopes": ["events:read"]}
        )
        eve = await front.client(made.json()["data"]["token"])
        async with follow(eve) as told:
            assert (await anext(told)).comment == "heartbeat"
            refused = await eve.get(STREAM)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            await front.admin.delete(f"/api/keys/{made.json()['data']['key_id']}")
            last = [block async for block in told][-1]
            assert (last.event, last.data["reason"]) == ("closed", "This API key was revoked.")

        async def opens() -> bool:
            async with front.admin.stream("GET", STREAM) as answer:
                return bool(answer.status_code == 200)

        assert await opens()
        async with AsyncExitStack() as stack:
            # The seat of a stream that was closed is free again.
            told = await eventually(lambda: stack.enter_async_context(follow(front.admin)))
            front.services["gateway"].begin_stop()
            assert [block async for block in told][-1].event == "stopping"


async def test_a_client_that_takes_nothing_does_not_keep_its_seat(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        runtime = front.services["gateway"]
        settings = Settings(event_stall=timedelta(seconds=0.05), event_streams_per_key=1)
        feed, seal = Feed(runtime, settings), Seal(b"0" * 32, "default", STREAM)
        gathered = submissions(runtime, settings), reports(runtime)
        caller = Caller(
            KEY,
            "request-1",
            runtime,
            settings,
            *gathered,
            seal,
            Limits(settings),
            SignOn(settings, ProviderKeys(settings), runtime),
        )
        started: list[str] = []

        async def receive() -> MutableMapping[str, Any]:
            await asyncio.Event().wait()
            return {}

        async def send(message: MutableMapping[str, Any]) -> None:
            """The wire of a client that reads the head of the answer and nothing of its body."""
            started.append(message["type"])
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        stream = EventStream(feed, caller, Start(0), Interest("default"), Scope.EVENTS_READ)
        await stream({"type": "http", "headers": []}, receive, send)
        assert started == ["http.response.start", "http.response.body"]
        with feed.seat(KEY.key_id):
            """The seat is free again."""
