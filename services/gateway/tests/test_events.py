"""Events as they happen: what arrives, what does not, and how a stream goes on or ends."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from grace.contracts.governance import ApprovalGranted, ApprovalRequested, Capability, Grant
from grace.contracts.message import Message
from grace.gateway.api import feed as feeds
from grace.gateway.api.callers import Caller
from grace.gateway.api.cursors import Seal
from grace.gateway.api.feed import Feed
from grace.gateway.api.reports import reports
from grace.gateway.api.streaming import EventStream
from grace.gateway.api.submissions import submissions
from grace.gateway.domain.access import Key, Scope
from grace.gateway.domain.following import Interest, Start
from grace.gateway.settings import Settings
from grace.kit import Runtime
from grace.testkit import House, eventually

OpenGateway = Callable[..., Any]
STREAM = "/api/events/stream"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = b"canary-capability"
KEY = Key("key-1", "default", "eve", "", ("events:read",), "admin", NOW)


def requested(name: str, tenant: str = "default") -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=name,
        mission_id=f"mission-{name}",
        tenant_id=tenant,
        tier=2,
        quorum=1,
        requested_by="ada",
        shown_hash="0" * 64,
        expires_at=NOW,
    )


def granted(name: str) -> ApprovalGranted:
    capability = Capability(key_id="canary-key", body=SECRET, signature=SECRET)
    grant = Grant(action_id="a", contract_id="c", contract_hash="0" * 64, apply=capability)
    return ApprovalGranted(
        approval_id=name,
        mission_id=f"mission-{name}",
        tenant_id="default",
        plan_hash="0" * 64,
        decided_by=("bob",),
        grants=(grant,),
        granted_at=NOW,
    )


async def tell(governance: Runtime, *messages: Message) -> None:
    async with governance.unit() as unit:
        for message in messages:
            unit.publish(message, tenant=getattr(message, "tenant_id", "default"))


@dataclass
class Told:
    """One block of a stream, as a client reads it."""

    event: str
    id: str | None
    data: dict[str, Any]
    comment: str

    @property
    def approval(self) -> str | None:
        found: str | None = self.data.get("data", {}).get("approval_id")
        return found


async def blocks(answer: httpx.Response) -> AsyncIterator[Told]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name or "comment"] = value.strip()
            continue
        data = json.loads(fields.get("data", "{}"))
        yield Told(fields.get("event", ""), fields.get("id"), data, fields.get("comment", ""))
        fields = {}


@asynccontextmanager
async def follow(
    client: httpx.AsyncClient, query: str = "", last_id: str | None = None, path: str = STREAM
) -> AsyncIterator[AsyncIterator[Told]]:
    """Follow the events; what is yielded begins behind the greeting."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with client.stream("GET", path + query, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        told = blocks(answer)
        assert (await anext(told)).id is not None
        yield told


async def next_approval(told: AsyncIterator[Told]) -> Told:
    """The next event about an approval; heartbeats and keys come whenever they like."""
    async for block in told:
        if block.approval is not None:
            return block
    raise AssertionError("the stream ended")


async def sequence_of(house: House, name: str) -> str:
    for message in await house.messages("approval.requested"):
        if json.loads(message.data)["approval_id"] == name:
            return str(message.seq)
    raise LookupError(name)


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
        caller = Caller(KEY, "request-1", runtime, settings, *gathered, seal)
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
