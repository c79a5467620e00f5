"""A person decides over REST about a mission that needs attention."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
CHOICE = {"choice": "accept", "reason": "It may stay so."}


async def test_who_may_decides_and_the_answer_shows_what_became_of_it(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("verification") as front:
        admin = await front.house.installation.admin(front.house.database)
        await admin.execute(
            "INSERT INTO verification.missions (mission_id, correlation_id, opened_at)"
            " VALUES ('mission-1', 'c', now())"
        )
        await admin.close()
        path = "/api/missions/mission-1/attention"
        reader = await front.person("eve", "missions:read")
        assert (await reader.post(path, json=CHOICE)).status_code == 403
        ada = await front.person("ada", "missions:decide")
        early = await ada.post(path, json=CHOICE)
        assert (early.status_code, early.json()["code"]) == (409, "conflict")
        assert "open" in early.json()["detail"]
        for wrong in (
            {"choice": "verify", "reason": "x"},
            {"choice": "accept"},
            CHOICE | {"by": 1},
        ):
            assert (await ada.post(path, json=wrong)).status_code == 422
        assert (await ada.post("/api/missions/none/attention", json=CHOICE)).status_code == 404


async def test_who_may_read_missions_sees_who_waits_for_which_target(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("verification") as front:
        ada = await front.person("ada", "missions:read")
        found = await ada.get("/api/verification/holds?limit=5")
        assert (found.status_code, found.json()["data"]) == (200, [])
        stranger = await front.person("eve", "intents:read")
        assert (await stranger.get("/api/verification/holds")).status_code == 403
