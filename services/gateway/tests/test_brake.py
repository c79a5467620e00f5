"""The brake over REST: each tenant's own, pulled and let go with a reason, and what is no order."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
BRAKE = "/api/governance/brake"
ON = {"is_on": True, "reason": "a release"}


async def test_the_brake_is_read_pulled_and_let_go(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        ops = await front.person("ops", "governance:read", "governance:write")
        eve = await front.person("eve", "governance:read")
        first = (await eve.get(BRAKE)).json()["data"]
        assert (first["is_on"], first["failures"], first["pulled_after"]) == (False, 0, 10)
        assert (await eve.post(BRAKE, json=ON)).status_code == 403
        for bad in (
            {}, {"is_on": True}, {"is_on": False, "reason": " "}, {"is_on": 1, "reason": "x"},
            ON | {"until": "noon"}, ON | {"reason": "x" * 1001},
        ):  # fmt: skip
            assert (await ops.post(BRAKE, json=bad)).status_code == 422, bad
        pulled = (await ops.post(BRAKE, json=ON)).json()["data"]
        assert (pulled["is_on"], pulled["version"], pulled["changed_by"]) == (True, 1, "ops")
        assert (await eve.get(BRAKE)).json()["data"] == pulled
        assert (await front.hand_in(1))["status"] == "pending"
        said = (await eve.post("/api/chat", json={"message": "is the brake on?"})).json()
        assert "The brake is on" in str(said), said
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'eve'"
        )
        assert (await eve.get(BRAKE)).json()["data"]["is_on"] is False
        free = (await ops.post(BRAKE, json=ON | {"is_on": False})).json()["data"]
        assert [turn["is_on"] for turn in free["turns"]] == [False, True]
        assert (await front.hand_in(1))["status"] == "granted"
