"""What waits is seen over REST, and let go on by somebody else than who asked."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
INTENT = {
    "intent_id": "unblock-shop",
    "goal": "Orders can be placed again",
    "domain": "postgres",
    "sla_ms": 300_000,
    "kind": "postgres.blocked_sessions",
    "target": "shop-db",
}


async def test_a_freeze_is_declared_seen_and_ended(open_gateway: OpenGateway) -> None:
    async with open_gateway("intent") as front:
        ada = await front.person("ada", "freezes:write", "freezes:read")
        window = {"reason": "fair", "kind": "postgres", "ends_at": "2999-01-01T00:00:00+01:00"}
        made = await ada.post("/api/freezes", json=window)
        assert made.status_code == 201, made.text
        freeze = made.json()["data"]
        assert (freeze["declared_by"], freeze["mode"], freeze["kind"]) == (
            "ada",
            "wait",
            "postgres",
        )
        assert (await ada.get("/api/freezes")).json()["data"] == [freeze]
        for wrong in ({"ends_at": None}, {"days": ["monday"]}, {"from_time": "9"}, {"odd": 1}):
            assert (await ada.post("/api/freezes", json=window | wrong)).status_code == 422
        end = f"/api/freezes/{freeze['freeze_id']}/end"
        assert (await ada.post(end, json={})).json()["data"]["ended_by"] == "ada"
        assert (await ada.post(end, json={})).status_code == 404


async def test_somebody_else_releases_what_waits(open_gateway: OpenGateway) -> None:
    async with open_gateway("intent") as front:
        ada = await front.person("ada", "intents:write", "holds:read", "holds:release")
        bob = await front.person("bob", "holds:read", "holds:release")
        submitted = await ada.post("/api/intents/submit", json=INTENT)
        mission = submitted.json()["data"]["mission_id"]
        role = await front.house.role("intent")
        await role.execute(
            "UPDATE intent.missions SET hold = 'loop', held_at = now(), reason = 'in vain',"
            " plan_after = now() + interval '1 day', plan_attempt = plan_attempt + 1"
        )
        await role.close()
        (hold,) = (await bob.get("/api/holds")).json()["data"]
        assert (hold["mission_id"], hold["cause"], hold["reason"]) == (mission, "loop", "in vain")
        assert (hold["requested_by"], hold["held_until"]) == ("ada", None)
        reader = await front.person("eve", "missions:read")
        explained = (await reader.get(f"/api/missions/{mission}/plan")).json()["data"]
        assert (explained["status"], explained["hold"]) == ("captured", "loop")
        assert (await reader.get("/api/missions/mission-0/plan")).status_code == 404
        release = f"/api/holds/{mission}/release"
        own = await ada.post(release, json={})
        assert (own.status_code, own.json()["code"]) == (403, "forbidden")
        freed = await bob.post(release, json={"reason": "mended"})
        assert freed.status_code == 200, freed.text
        assert freed.json()["data"]["released_by"] == "bob"
        again = await bob.post(release, json={})
        assert (again.status_code, again.json()["code"]) == (409, "conflict")
        assert (await bob.get("/api/holds")).json()["data"] == []
        unknown = await bob.post("/api/holds/mission-0/release", json={})
        assert unknown.status_code == 404
