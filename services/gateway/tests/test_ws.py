"""Events over a WebSocket: the same as server-sent events tell, in subscriptions that come and go."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from grace.gateway.api.callers import Caller
from grace.gateway.api.conversation import Conversation
from grace.gateway.api.cursors import Seal
from grace.gateway.api.feed import Feed
from grace.gateway.api.limits import Limits
from grace.gateway.api.provider_keys import ProviderKeys
from grace.gateway.api.reports import reports
from grace.gateway.api.sign_on import SignOn
from grace.gateway.api.sockets import Socket, bounds_of
from grace.gateway.api.submissions import submissions
from grace.gateway.domain.access import Key
from grace.gateway.settings import Settings
from grace.kit import Runtime
from grace.testkit import eventually

from .talking import Client, Text, talk
from .watching import NOW, follow, granted, requested, sequence_of, tell

OpenGateway = Callable[..., Any]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"grace_gateway_websocket{name}", labels) or 0


def shown(text: Text) -> Text:
    """What server-sent events tell of it."""
    assert text["op"] == "event"
    return {name: value for name, value in text.items() if name not in {"op", "subscription", "id"}}


async def test_both_ways_tell_the_same_and_a_lost_client_goes_on_without_a_gap_or_a_double(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        governance = await front.house.act_as("governance")
        sent = counted("_events_total")
        async with talk(front) as live, follow(front.admin) as stream:
            begun = await live.ask(op="subscribe")
            assert begun == {"op": "subscribed", "subscription": "default", "id": begun["id"]}
            assert begun["id"].isdigit()
            names = ["one", "two", "three"]
            await tell(governance, requested("foreign", "other"), *map(requested, names))
            heard = await live.hear_approvals(*names)
            told = [await anext(stream) for _ in names]
            assert [(text["id"], shown(text)) for text in heard] == [(t.id, t.data) for t in told]
            assert counted("s") == 1
            live.wire.transport.abort()
        assert counted("_events_total") - sent == len(names)
        await eventually(lambda: counted("s") == 0)
        await tell(governance, granted("four"), requested("five"))
        await eventually(lambda: sequence_of(front.house, "five"))
        async with talk(front) as again:
            last = heard[0]["id"]
            assert (await again.ask(op="subscribe", after=last))["id"] == last
            await again.hear_approvals("two", "three", "four", "five")
            await two_at_once(again, after=last)
            await tell(governance, granted("six"))
            (six,) = await again.hear_approvals("six")
            assert six["subscription"] == "default"
            await another_after_it(again, last)
        await front.house.rows("gateway", "UPDATE api_keys SET tenant_id = 'other'")
        async with talk(front) as others:
            await others.ask(op="subscribe", after="0")
            await others.hear_approvals("foreign")


async def two_at_once(client: Client, *, after: str) -> None:
    """A second subscription, to some subjects, beside the first."""
    some = {"subscription": "decided", "subjects": ["approval.granted"]}
    begun = await client.ask(op="subscribe", after=after, **some)
    assert begun["subscription"] == "decided"
    (four,) = await client.hear_approvals("four")
    assert (four["subscription"], four["subject"]) == ("decided", "approval.granted")
    ended = await client.ask(op="unsubscribe", subscription="decided")
    assert (ended["op"], ended["subscription"]) == ("unsubscribed", "decided")
    assert int(ended["id"]) >= int(four["id"])
    assert (await client.ask(op="unsubscribe", subscription="decided"))["code"] == "not_found"


async def another_after_it(client: Client, after: str) -> None:
    """One follows another of the same name only when that has ended."""
    assert (await client.ask(op="subscribe"))["code"] == "conflict"
    assert (await client.ask(op="unsubscribe"))["subscription"] == "default"
    begun, gap = await client.ask(op="subscribe", after="999999"), await client.hear()
    assert (begun["op"], gap["op"], gap["kept_after"]) == ("subscribed", "gap", begun["id"])
    assert "made anew" in gap["reason"]
    assert int(begun["id"]) < int(after)
    await client.hear_approvals("one")


async def test_who_falls_behind_is_told_and_loses_nothing(open_gateway: OpenGateway) -> None:
    async with open_gateway(event_backlog=1) as front:
        governance = await front.house.act_as("governance")
        names = [f"approval-{number}" for number in range(40)]
        seen: list[str] = []
        last_id, codes = "0", []
        closes = counted("_closes_total", code="1013")
        while names[-1] not in seen:
            async with talk(front) as client:
                await client.ask(op="subscribe", after=last_id)
                if not seen:
                    await tell(governance, *(requested(name) for name in names))
                async for text in texts(client, until=names[-1]):
                    last_id = text.get("id", last_id)
                    seen += [text["data"]["approval_id"]] if "data" in text else []
                codes += [client.wire.close_code] if client.wire.close_code else []
        assert seen == names
        assert set(codes) == {1013}  # forty at a time do not fit where one has room
        assert counted("_closes_total", code="1013") - closes == len(codes)


async def texts(client: Client, *, until: str) -> Any:
    """The texts until the gateway hangs up, or until it has told of an approval."""
    while True:
        heard = [await client.hear()] if client.wire.close_code is None else []
        for text in heard:
            yield text
            if text["op"] == "lagging":
                await client.rest()
                return
            if text.get("data", {}).get("approval_id") == until:
                return


async def test_a_connection_ends_with_its_key_and_with_its_gateway(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway(event_heartbeat="PT0.05S") as front:
        body = {"principal": "eve", "scopes": ["events:read"]}
        made = (await front.admin.post("/api/keys", json=body)).json()["data"]
        async with talk(front, made["token"]) as idle, talk(front, made["token"]) as eve:
            begun = await eve.ask(op="subscribe")
            heartbeat = await eve.wire.recv()
            assert f'"id":"{begun["id"]}"' in str(heartbeat)
            await front.admin.delete(f"/api/keys/{made['key_id']}")
            last = {"op": "closed", "reason": "This API key was revoked."}
            assert await eve.end() == ([last], 4401)
            assert await idle.end() == ([last], 4401)
        narrowed = await front.admin.post("/api/keys", json=body | {"principal": "ann"})
        async with talk(front, narrowed.json()["data"]["token"]) as ann:
            await front.house.rows(
                "gateway", "UPDATE api_keys SET scopes = '{log:read}' WHERE principal = 'ann'"
            )
            (last,), code = await ann.end()
            assert "lacks the scope events:read" in last["reason"]
            assert code == 4401
        async with talk(front) as idle, talk(front) as live:
            await live.ask(op="subscribe")
            front.services["gateway"].begin_stop()
            for client in (idle, live):
                (last,), code = await client.end()
                assert (last["op"], code) == ("stopping", 1001)


async def test_a_revoked_key_subscribes_to_nothing(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        body = {"principal": "eve", "scopes": ["events:read"]}
        made = (await front.admin.post("/api/keys", json=body)).json()["data"]
        async with talk(front, made["token"]) as eve:
            await front.admin.delete(f"/api/keys/{made['key_id']}")
            await eve.say(op="subscribe", after="0")
            (last,), code = await eve.end()
        assert (last["op"], code) == ("closed", 4401)


class Deaf(asyncio.Transport):
    """The wire of a client that takes nothing from the moment that it is connected."""

    def __init__(self, wire: Socket) -> None:
        super().__init__()
        self.written = bytearray()
        self._wire = wire

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written += data

    def is_closing(self) -> bool:
        return False

    def resume_reading(self) -> None:
        """Nothing was held back."""

    def abort(self) -> None:
        self._wire.connection_lost(None)


def deaf_to(front: Any, runtime: Runtime | None, order: bytes) -> tuple[Conversation, Deaf, Socket]:
    """A conversation with somebody who gives an order, and takes nothing."""
    here, settings = front.services["gateway"], Settings(event_stall=timedelta(seconds=0.05))
    key = Key("key-1", "default", "eve", "", ("events:read",), "admin", NOW)
    gathered = submissions(here, settings), reports(here)
    seal, limits = Seal(b"0" * 32, "default", "/"), Limits(settings)
    caller = Caller(
        key,
        "request-1",
        here,
        settings,
        *gathered,
        seal,
        limits,
        SignOn(settings, ProviderKeys(settings), here),
    )
    wire = Socket(ServerProtocol(state=State.OPEN), bounds_of(settings), set())
    deaf = Deaf(wire)
    wire.connection_made(deaf)
    wire.pause_writing()
    wire.data_received(Frame(Opcode.TEXT, order).serialize(mask=True))
    headers = {"authorization": f"Bearer {front.token}"}
    return Conversation(wire, Feed(cast("Any", runtime), settings), caller, headers), deaf, wire


async def test_a_client_that_takes_nothing_is_let_go_and_so_is_one_that_grace_fails(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        runtime = front.services["gateway"]
        stalled, deaf, wire = deaf_to(front, runtime, b'{"op":"unsubscribe"}')
        async with asyncio.timeout(10):
            await stalled.hold()
        assert wire.code == 1013
        last = Close(1013, "You take nothing.").serialize()
        assert deaf.written == Frame(Opcode.CLOSE, last).serialize(mask=False)
        deaf.abort()
        failed, deaf, wire = deaf_to(front, None, b'{"op":"subscribe"}')
        with pytest.raises(AttributeError):  # of what nobody foresaw
            await failed.hold()
        assert wire.code == 1011
        deaf.abort()
