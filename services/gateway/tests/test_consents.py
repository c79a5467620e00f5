"""Consents over REST: asked for, given by somebody else, listed, taken back."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
AT = "/api/governance/consents"
WANTED = {
    "secret": "shop-ops",
    "operation": "postgres.query",
    "target": "shop-db",
    "lifetime_s": 3600,
    "reason": "at night",
}


async def test_a_consent_is_asked_given_listed_and_taken_back(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        ops = await front.person("ops", "governance:write", "approvals:decide")
        ada = await front.person("ada", "approvals:decide", "governance:read")
        assert (await ada.post(AT, json=WANTED)).status_code == 403
        for bad in (
            {"operation": "*"}, {"secret": ""}, {"target": "*"}, {"lifetime_s": 1}, {"reason": " "},
            {"x": 1}, {"one_time": "yes"}, {"target_class": "postgres"}, {"lifetime_s": 91 * 86_400},
        ):  # fmt: skip
            assert (await ops.post(AT, json=WANTED | bad)).status_code == 422, bad
        made = await ops.post(AT, json=WANTED)
        asked = made.json()["data"]
        assert (made.status_code, asked["status"], asked["asked_by"]) == (201, "asked", "ops")
        assert (await ops.post(AT, json=WANTED)).status_code == 409
        at = f"{AT}/{asked['consent_id']}"
        own = await ops.post(f"{at}/grant", json={})
        assert (own.status_code, "another person" in own.json()["detail"]) == (403, True)
        given = await ada.post(f"{at}/grant", json={"reason": "fine"})
        assert (given.status_code, given.json()["data"]["decided_by"]) == (200, "ada"), given.text
        assert (await ada.post(f"{at}/reject", json={})).status_code == 409
        page = (await ada.get(AT, params={"status": "open", "limit": 1})).json()
        rest = {"status": "open", "cursor": page["meta"]["next_cursor"]}
        more = (await ada.get(AT, params=rest)).json()
        found = [each["consent_id"] for each in (*page["data"], *more["data"])]
        assert sorted(found) == sorted([asked["consent_id"], "consent-installed"])
        assert (await ada.get(AT, params={"status": "given"})).status_code == 422
        assert (await ada.delete(at)).json()["data"]["status"] == "revoked"
        assert (await ada.delete(at)).json()["data"]["revoked_by"] == "ada"
        assert (await ada.delete(f"{AT}/none")).status_code == 404
