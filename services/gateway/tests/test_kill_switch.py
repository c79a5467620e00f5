"""The kill switch over REST: who may turn it, and what is no order."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
SWITCH = "/api/governance/kill-switch"
ON = {"is_on": True, "reason": "a fire"}


async def test_the_switch_is_read_turned_and_refused(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        ops = await front.person("ops", "governance:read", "governance:write")
        eve = await front.person("eve", "governance:read")
        assert (await eve.get(SWITCH)).json()["data"]["is_on"] is False
        assert (await eve.post(SWITCH, json=ON)).status_code == 403
        for bad in (
            {}, {"is_on": True}, {"is_on": True, "reason": " "}, {"is_on": "yes", "reason": "x"},
            {"is_on": False, "hard": True, "reason": "x"}, ON | {"until": "noon"},
        ):  # fmt: skip
            assert (await ops.post(SWITCH, json=bad)).status_code == 422, bad
        turned = (await ops.post(SWITCH, json=ON | {"hard": True})).json()["data"]
        assert (turned["is_on"], turned["hard"], turned["changed_by"]) == (True, True, "ops")
        assert (await eve.get(SWITCH)).json()["data"] == turned
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'ops'"
        )
        for answer in (await ops.get(SWITCH), await ops.post(SWITCH, json=ON)):
            assert answer.status_code == 403
            assert "tenant that runs Grace" in answer.json()["detail"]
