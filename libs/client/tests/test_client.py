"""The client against a real gateway: typed answers, clear exceptions, honest waiting."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from grace.client import (
    ApiError,
    Conflict,
    Forbidden,
    Grace,
    Invalid,
    Misconfigured,
    NotFound,
    PlanAltered,
    ServerFailed,
    Stale,
    StillOpen,
    Unauthenticated,
    Unavailable,
    Unreachable,
    hash_shown,
    wait_for_mission,
)
from grace.client.errors import error_of
from grace.stack.ports import free_port

OpenGrace = Callable[..., Any]


async def test_a_plan_of_verification_is_read_and_approved(open_grace: OpenGrace) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        made = await place.admin.make_key("ada", ["approvals:read", "approvals:decide"])
        async with Grace(place.url, made.token) as ada:
            decided = await ada.approve(
                approval.approval_id,
                hash_shown(approval),
                reason="read it",
                if_version=approval.version,
            )
            assert decided.status == "granted"
            with pytest.raises(Conflict):
                await ada.reject(approval.approval_id, approval.shown_hash)


async def test_refusals_are_exceptions_of_their_kind(open_grace: OpenGrace) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        with pytest.raises(Forbidden, match="asked for a plan"):
            await place.admin.approve(approval.approval_id, approval.shown_hash)
        made = await place.admin.make_key("ada", ["approvals:decide"])
        async with Grace(place.url, made.token) as ada:
            with pytest.raises(Stale):
                await ada.approve(approval.approval_id, approval.shown_hash, if_version=9)
            with pytest.raises(Conflict):
                await ada.approve(approval.approval_id, "0" * 64)
            with pytest.raises(Invalid, match="shown_hash"):
                await ada.approve(approval.approval_id, "nonsense")
            with pytest.raises(Forbidden, match="missions:read"):
                await ada.missions()
        with pytest.raises(NotFound):
            await place.admin.approval("approval-none")
        with pytest.raises(NotFound):
            await place.admin.mission("../keys")


async def test_a_mission_is_waited_for_until_it_closes(open_grace: OpenGrace) -> None:
    async with open_grace("verification") as place:
        mission_id = await place.open_mission()
        with pytest.raises(StillOpen, match=mission_id):
            await wait_for_mission(place.admin, mission_id, timeout=0.3, pause=0.1)
        await place.block(mission_id)
        mission = await wait_for_mission(place.admin, mission_id, timeout=10, pause=0.05)
        assert (mission.status, mission.reason) == ("blocked", "no playbook fits")
        timeline = await place.admin.timeline(mission_id)
        assert timeline[0].subject == "error.captured"


async def test_pages_of_missions_follow_their_cursor(open_grace: OpenGrace) -> None:
    async with open_grace("verification") as place:
        opened = [await place.open_mission() for _ in range(3)]
        first = await place.admin.missions(limit=2)
        rest = await place.admin.missions(limit=2, cursor=first.next_cursor)
        assert [m.mission_id for m in first.items + rest.items] == opened[::-1]
        assert rest.next_cursor is None


async def test_a_service_that_is_away_is_told_apart_from_a_gateway_that_is(
    open_grace: OpenGrace,
) -> None:
    async with open_grace() as place:
        with pytest.raises(Unavailable):
            await place.admin.missions()
        async with Grace(place.url) as nobody:
            with pytest.raises(Unauthenticated):
                await nobody.keys()
    async with Grace(f"http://127.0.0.1:{free_port()}") as grace:
        with pytest.raises(Unreachable, match="no answer from"):
            await grace.keys()


async def test_keys_are_made_listed_and_revoked(open_grace: OpenGrace) -> None:
    async with open_grace() as place:
        made = await place.admin.make_key("ada", ["keys:read"], name="laptop")
        listed = await place.admin.keys()
        assert made.key_id in [key.key_id for key in listed.items]
        async with Grace(place.url, made.token) as ada:
            await ada.keys()
            await place.admin.revoke_key(made.key_id)
            with pytest.raises(Unauthenticated, match="revoked"):
                await ada.keys()


async def test_contracts_that_were_altered_on_the_way_are_seen(open_grace: OpenGrace) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        texts = (approval.contracts[0].replace("5ms", "5s"),)
        with pytest.raises(PlanAltered):
            hash_shown(approval.model_copy(update={"contracts": texts}))


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://[", "grace_x"),
        ("http://127.0.0.1:99999999", "grace_x"),
        ("nats://127.0.0.1:4222", "grace_x"),
        ("http://", "grace_x"),
        ("http://\x00", "grace_x"),
        ("", "grace_x"),
        ("http://127.0.0.1", "grace_x\ninjected: header"),
        ("http://127.0.0.1", "grace_\u00e9"),
    ],
)
def test_an_address_or_key_that_cannot_be_used_is_said_so(url: str, token: str) -> None:
    with pytest.raises(Misconfigured):
        Grace(url, token)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"<html>", ServerFailed),
        (502, b"", ServerFailed),
        (418, b"[]", ApiError),
        (422, b'{"code":"invalid","detail":"d","errors":[{"field":"f","problem":"p"}]}', Invalid),
        (500, b'{"code":"internal","detail":"d","errors":"odd"}', ServerFailed),
    ],
)
def test_strange_answers_are_still_exceptions(
    status: int, body: bytes, kind: type[ApiError]
) -> None:
    error = error_of(httpx.Response(status, content=body))
    assert type(error) is kind
    assert error.status == status
