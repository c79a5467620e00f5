"""The client against a real gateway: typed answers, clear exceptions, honest waiting."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from grace.client import (
    Conflict,
    Forbidden,
    Grace,
    Invalid,
    Misconfigured,
    NotFound,
    Patience,
    PlanAltered,
    Stale,
    StillOpen,
    SyncGrace,
    Unauthenticated,
    Unavailable,
    Unreachable,
    hash_shown,
    wait_for_mission,
)
from grace.stack.ports import free_port

OpenGrace = Callable[..., Any]


async def test_a_plan_is_read_and_decided_on_by_who_may(open_grace: OpenGrace) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        identity, shown = approval.approval_id, hash_shown(approval)
        with pytest.raises(Forbidden, match="asked for a plan"):
            await place.admin.approve(identity, shown)
        with pytest.raises(NotFound):
            await place.admin.approval("approval-none")
        texts = (approval.contracts[0].replace("5ms", "5s"),)
        with pytest.raises(PlanAltered):
            hash_shown(approval.model_copy(update={"contracts": texts}))
        made = await place.admin.make_key("ada", ["approvals:read", "approvals:decide"])
        async with Grace(place.url, made.token) as ada:
            with pytest.raises(Stale):
                await ada.approve(identity, shown, if_version=9)
            with pytest.raises(Conflict):
                await ada.approve(identity, "0" * 64)
            with pytest.raises(Invalid, match="shown_hash"):
                await ada.approve(identity, "nonsense")
            with pytest.raises(Forbidden, match="missions:read"):
                await ada.missions()
            decided = await ada.approve(
                identity, shown, reason="read it", if_version=approval.version
            )
            assert decided.status == "granted"
            with pytest.raises(Conflict):
                await ada.reject(identity, shown)


async def test_missions_are_listed_page_by_page_and_waited_for(open_grace: OpenGrace) -> None:
    async with open_grace("verification") as place:
        opened = [await place.open_mission() for _ in range(3)]
        first = await place.admin.missions(limit=2)
        rest = await place.admin.missions(limit=2, cursor=first.next_cursor)
        assert [m.mission_id for m in first.items + rest.items] == opened[::-1]
        assert rest.next_cursor is None
        assert [m.mission_id async for m in place.admin.each_mission(status="open")] == opened[::-1]
        with pytest.raises(NotFound):
            await place.admin.mission("../keys")
        with pytest.raises(StillOpen, match=opened[0]):
            await wait_for_mission(place.admin, opened[0], timeout=0.3, pause=0.1)
        await place.block(opened[0])
        mission = await wait_for_mission(place.admin, opened[0], timeout=10, pause=0.05)
        assert (mission.status, mission.reason) == ("blocked", "no playbook fits")
        timeline = await place.admin.timeline(opened[0])
        assert timeline[0].subject == "error.detected"
        assert await asyncio.to_thread(without_asyncio, place) == (opened[::-1], mission, timeline)


def without_asyncio(place: Any) -> object:
    """What the twin sees of the same missions."""
    with SyncGrace(place.url, place.token) as grace:
        found = [mission.mission_id for mission in grace.each_mission()]
        mission = grace.wait_for_mission(found[-1], timeout=10)
        with pytest.raises(StillOpen, match=found[0]):
            grace.wait_for_mission(found[0], timeout=0.2, pause=0.1)
        return found, mission, grace.timeline(found[-1])


async def test_keys_are_made_listed_and_revoked(open_grace: OpenGrace) -> None:
    async with open_grace() as place:
        made = await place.admin.make_key("ada", ["keys:read"], name="laptop", rate_limit=20)
        found = {key.key_id: key async for key in place.admin.each_key()}
        assert (found[made.key_id].name, found[made.key_id].rate_limit) == ("laptop", 20)
        async with Grace(place.url, made.token) as ada:
            await ada.keys()
            await place.admin.revoke_key(made.key_id)
            with pytest.raises(Unauthenticated, match="revoked"):
                await ada.keys()
        async with Grace(place.url) as nobody:
            with pytest.raises(Unauthenticated):
                await nobody.keys()
        async with Grace(place.url, place.token, patience=Patience(attempts=1)) as hasty:
            with pytest.raises(Unavailable):  # nobody answers for missions here
                await hasty.missions()
    async with Grace(f"http://127.0.0.1:{free_port()}") as grace:
        with pytest.raises(Unreachable, match="no answer from"):
            await grace.keys()


@pytest.mark.parametrize("client", [Grace, SyncGrace])
@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://[", "grace_x"),
        ("http://127.0.0.1:99999999", "grace_x"),
        ("nats://127.0.0.1:4222", "grace_x"),
        ("http://", "grace_x"),
        ("http://\x00", "grace_x"),
        ("http://127.0.0.1/?a=b", "grace_x"),
        ("", "grace_x"),
        ("http://127.0.0.1", "grace_x\ninjected: header"),
        ("http://127.0.0.1", "grace_\u00e9"),
    ],
)
def test_an_address_or_key_that_cannot_be_used_is_said_so(
    client: type[Grace | SyncGrace], url: str, token: str
) -> None:
    with pytest.raises(Misconfigured):
        client(url, token)


@pytest.mark.parametrize("client", [Grace, SyncGrace])
def test_a_proxy_that_cannot_be_used_is_said_so(
    client: type[Grace | SyncGrace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "carrier-pigeon://10.0.0.1")
    with pytest.raises(Misconfigured, match="environment"):
        client("http://10.0.0.1", "grace_x")
