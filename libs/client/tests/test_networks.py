"""A bad network before a real gateway: nothing is lost, nothing is done twice, nothing is hidden."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from itertools import islice
from typing import Any

import pytest

from grace.client import (
    Event,
    Grace,
    Invalid,
    Patience,
    ServerFailed,
    SyncGrace,
    Unavailable,
    Unreachable,
    Unsendable,
)
from grace.kit import new_id
from grace.stack.ports import free_port

from .conftest import Place, captured
from .relays import Relay, ask_to_sign_in, be_busy, hang_up, lose_answer, relay_before

OpenGrace = Callable[..., Any]

QUICK = Patience(shortest=0.001, longest=0.001)


@asynccontextmanager
async def behind(relay: Relay, place: Place, *plan: Any) -> AsyncIterator[Grace]:
    """A client of its own, whose connections behave as planned."""
    relay.plan[:], relay.connections = plan, 0
    async with Grace(relay.url, place.token, patience=QUICK) as grace:
        yield grace


async def test_a_page_to_sign_in_is_no_end_of_a_key_or_a_schedule() -> None:
    async with relay_before(free_port()) as relay, Grace(relay.url, "grace_x") as grace:
        for closing in (grace.revoke_key, grace.drop_schedule):
            relay.plan[:] = [ask_to_sign_in]
            with pytest.raises(ServerFailed, match="not what was asked for"):
                await closing("some-id")


async def test_a_request_is_sent_again_and_done_once(open_grace: OpenGrace) -> None:
    async with open_grace() as place, relay_before(place.port) as relay:
        async with behind(relay, place, hang_up, be_busy) as grace:
            assert len((await grace.keys()).items) == 1
            assert relay.connections == 3
        async with behind(relay, place, hang_up, hang_up, hang_up) as grace:
            with pytest.raises(Unreachable):
                await grace.keys()
        async with behind(relay, place, be_busy, be_busy, be_busy) as grace:
            with pytest.raises(Unavailable):
                await grace.keys()
        async with behind(relay, place, lose_answer) as grace:
            made = await grace.make_key("ada", ["keys:read"])
            assert relay.connections == 2
            # The first answer was lost and yet is the only one: one key, and its token opens.
            assert {k.principal async for k in grace.each_key()} == {"ada", "admin"}
            assert len((await grace.keys()).items) == 2
        async with behind(relay, place, lose_answer) as grace:
            await grace.revoke_key(made.key_id)
            assert relay.connections == 2
        assert await asyncio.to_thread(the_twin, relay, place) == 2


def the_twin(relay: Relay, place: Place) -> int:
    """The same without asyncio: how many connections it took."""
    relay.plan[:], relay.connections = [lose_answer], 0
    with SyncGrace(relay.url, place.token, patience=QUICK) as grace:
        made = grace.make_key("bob", ["keys:read"])
        assert sorted(key.principal for key in grace.each_key()) == ["ada", "admin", "bob"]
        grace.revoke_key(made.key_id)
    return relay.connections


async def test_a_gateway_on_this_machine_is_never_asked_through_a_proxy(
    open_grace: OpenGrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_grace() as place, relay_before(place.port) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        async with Grace(place.url, place.token) as here:
            await here.keys()
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        proxy.plan[:] = [be_busy]
        async with Grace("http://grace.example", patience=Patience(attempts=1)) as elsewhere:
            with pytest.raises(Unavailable):
                await elsewhere.keys()
        assert proxy.connections == 1


async def test_events_are_followed_over_a_lost_connection_without_a_gap(
    open_grace: OpenGrace,
) -> None:
    async with open_grace() as place, relay_before(place.port) as relay:
        missions = [f"mission-{new_id()}" for _ in range(3)]
        await place.intent.report(captured(missions[0]))
        async with (
            behind(relay, place) as grace,
            aclosing(grace.follow(subjects=["error.captured"], after="0")) as events,
        ):
            seen = [await anext(events)]
            relay.cut()
            relay.plan[:] = [hang_up, be_busy]
            await place.intent.report(captured(missions[1]))
            await place.intent.report(captured(missions[2]))
            seen += [await anext(events), await anext(events)]
        assert [event.data["mission_id"] for event in seen] == missions
        assert relay.connections == 4
        assert await asyncio.to_thread(followed_by_the_twin, place, seen[0].id) == seen[1:]
        await refused(place)


def followed_by_the_twin(place: Place, after: str) -> list[Event]:
    with SyncGrace(place.url, place.token) as grace:
        return list(islice(grace.follow(subjects=["error.captured"], after=after), 2))


async def refused(place: Place) -> None:
    """What no connection can mend is told at once."""
    with pytest.raises(Invalid, match="subjects"):
        await anext(place.admin.follow(subjects=["no.such.event"]))
    with pytest.raises(Unsendable):
        await anext(place.admin.follow(after="x\ny"))
