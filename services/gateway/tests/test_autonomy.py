"""Autonomy over REST: read with its reasons, moved as it was read, carried by people's word."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
AT = "/api/governance/autonomy/postgres-blocked-sessions/postgres"
STANDING = "/api/governance/standing-approvals"
WORD = {
    "playbook": "postgres-blocked-sessions",
    "target_class": "postgres",
    "budget": 5,
    "lifetime_s": 3600,
    "reason": "it held",
}


async def test_a_playbook_is_read_moved_and_listed(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        ops = await front.person("ops", "governance:read", "governance:write")
        eve = await front.person("eve", "governance:read")
        first = await eve.get(AT)
        assert (first.json()["data"]["level"], first.headers["etag"]) == ("approve", '"0"')
        assert "auto needs 20 verified and 0.85" in first.json()["data"]["explanation"]
        off = {"level": "off", "reason": "it restarted too much"}
        assert (await eve.put(AT, json=off, headers={"If-Match": "*"})).status_code == 403
        assert (await ops.put(AT, json=off)).status_code == 428
        moved = await ops.put(AT, json=off, headers={"If-Match": '"0"'})
        assert (moved.status_code, moved.headers["etag"]) == (200, '"1"'), moved.text
        assert (await ops.put(AT, json=off, headers={"If-Match": '"0"'})).status_code == 412
        assert (await front.hand_in(1))["status"] == "rejected"
        named = AT.replace("postgres-blocked-sessions", "team:" + "x" * 100)
        moved = await ops.put(named, json=off, headers={"If-Match": '"0"'})
        assert moved.status_code == 200, moved.text
        auto = {"level": "auto", "reason": "I want it"}
        refused = await ops.put(AT, json=auto, headers={"If-Match": "*"})
        assert (refused.status_code, "earned" in refused.json()["detail"]) == (409, True)
        free = {"level": "free", "reason": "x"}
        assert (await ops.put(AT, json=free, headers={"If-Match": "*"})).status_code == 422
        page = (await eve.get("/api/governance/autonomy?limit=1")).json()
        assert [each["level"] for each in page["data"]] == ["off"]
        page = (await eve.get("/api/governance/autonomy?limit=2")).json()
        rest = {"limit": "2", "cursor": page["meta"]["next_cursor"]}
        assert (await eve.get("/api/governance/autonomy", params=rest)).json()["data"] == []
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'eve'"
        )
        assert (await eve.get(AT)).json()["data"]["level"] == "approve"
        assert (await eve.get("/api/governance/autonomy")).json()["data"] == []


async def test_a_word_is_given_by_approvers_and_taken_back(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        ada = await front.person("ada", "approvals:decide", "governance:read")
        eve = await front.person("eve", "governance:read", "governance:write")
        assert (await eve.post(STANDING, json=WORD)).status_code == 403
        for bad in ({"budget": 0}, {"budget": 2.5}, {"lifetime_s": 1}, {"playbook": "*"}, {"x": 1}):
            assert (await ada.post(STANDING, json=WORD | bad)).status_code == 422, bad
        long = await ada.post(STANDING, json=WORD | {"lifetime_s": 91 * 86_400})
        assert (long.status_code, "90 days" in long.json()["detail"]) == (422, True)
        given = (await ada.post(STANDING, json=WORD)).json()["data"]
        assert (given["given_by"], given["status"], given["used"]) == ("ada", "open", 0)
        at = f"{STANDING}/{given['standing_id']}/revoke"
        assert (await eve.post(at, json={})).status_code == 403
        assert (await ada.post(at, json={"reason": "enough"})).json()["data"]["status"] == "revoked"
        assert (await ada.post(f"{STANDING}/none/revoke", json={})).status_code == 404
        page = (await eve.get(STANDING)).json()["data"]
        assert [(each["status"], each["revoked_by"]) for each in page] == [("revoked", "ada")]
