"""The quarantine over REST: what lies there, and what a person says about it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from grace.testkit import eventually

OpenGateway = Callable[..., Any]
QUARANTINE = "/api/quarantine/governance"
WHY = {"reason": "it is mended"}


async def kept(front: Any, *, count: int) -> list[dict[str, Any]]:
    async def are_there() -> list[dict[str, Any]] | None:
        page = (await front.admin.get(QUARANTINE)).json()["data"]
        return page if len(page) == count else None

    found: list[dict[str, Any]] = await eventually(are_there)
    return found


async def send_nonsense(front: Any, text: str) -> None:
    """What verification would send, by whom NATS allows everything, and signed by nobody."""
    await front.house.publish_raw(
        user="tester", subject="verification.contract.drafted", body=text.encode()
    )


async def test_what_governance_could_not_handle_is_read_by_pages_and_let_go(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("governance") as front:
        for text in ("one", "two", "three"):
            await send_nonsense(front, text)
        everything = await kept(front, count=3)
        assert {each["reason"] for each in everything} == {"unsigned"}
        assert {each["kept_bytes"] for each in everything} == {3, 5}
        assert "one" not in str(everything[-1])  # what it says is not shown
        first = (await front.admin.get(f"{QUARANTINE}?limit=2")).json()
        cursor = first["meta"]["next_cursor"]
        rest = (await front.admin.get(f"{QUARANTINE}?limit=2&cursor={cursor}")).json()
        assert first["data"] + rest["data"] == everything
        mine = f"{QUARANTINE}/{everything[0]['quarantine_id']}"
        refused = await front.admin.post(f"{mine}/replay", json=WHY)
        assert refused.status_code == 409
        assert "It is refused still: unsigned" in refused.json()["detail"]
        assert await kept(front, count=3) == everything
        gone = (await front.admin.post(f"{mine}/discard", json=WHY)).json()["data"]
        assert (gone["outcome"], gone["principal"]) == ("discarded", "admin")
        assert await kept(front, count=2) == everything[1:]
        assert (await front.admin.post(f"{mine}/discard", json=WHY)).status_code == 404


async def test_only_who_may_settles_and_only_what_is_there(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        await send_nonsense(front, "one")
        (only,) = await kept(front, count=1)
        mine = f"{QUARANTINE}/{only['quarantine_id']}"
        eve = await front.person("eve", "quarantine:read")
        mallory = await front.person("mallory", "governance:write")
        assert (await eve.get(QUARANTINE)).json()["data"] == [only]
        assert (await mallory.get(QUARANTINE)).status_code == 403
        for verb in ("replay", "discard"):
            assert (await eve.post(f"{mine}/{verb}", json=WHY)).status_code == 403
            for bad in ({}, {"reason": " "}, {"reason": "x" * 1001}, WHY | {"force": True}):
                assert (await front.admin.post(f"{mine}/{verb}", json=bad)).status_code == 422
            for wrong in (uuid4(), "no-such-id"):
                answer = await front.admin.post(f"{QUARANTINE}/{wrong}/{verb}", json=WHY)
                assert answer.status_code == 404
        unknown = await front.admin.get("/api/quarantine/shop")
        assert unknown.status_code == 404
        assert "there are gateway, governance" in unknown.json()["detail"]
        assert (await front.admin.get("/api/quarantine/htm")).status_code == 503  # it does not run
        assert (await front.admin.get("/api/quarantine/gateway")).json()["data"] == []
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'eve'"
        )
        assert (await eve.get(QUARANTINE)).status_code == 403
        assert await kept(front, count=1) == [only]
