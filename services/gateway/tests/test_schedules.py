"""Schedules over HTTP."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
SCHEDULES = "/api/htm/schedules"
TASK = {"type": "noop.observe", "kernel": "noop", "operation": "noop.wait", "target": "nowhere"}
LOOK: dict[str, Any] = {
    "name": "look",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "task": TASK,
}


async def test_a_schedule_is_set_shown_changed_and_dropped(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ada = await front.person("ada", "htm:read", "htm:write")
        made = await ada.post(SCHEDULES, json=LOOK)
        assert made.status_code == 201, made.text
        task = made.json()["data"]["task"]
        assert (task["origin"], task["step"], task["tenant_id"]) == (
            "api:ada",
            "observe",
            "default",
        )
        assert (await ada.post(SCHEDULES, json=LOOK)).status_code == 201
        other = await ada.post(SCHEDULES, json=LOOK | {"catch_up": "one"})
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
        (listed,) = (await ada.get(SCHEDULES)).json()["data"]
        assert listed["next_at"] == made.json()["data"]["next_at"]
        assert "It fires next at" in listed["sentence"]
        changed = await ada.patch(f"{SCHEDULES}/look", json={"enabled": False})
        assert (changed.status_code, changed.json()["data"]["next_at"]) == (200, None)
        read = (await ada.get(f"{SCHEDULES}/look")).json()["data"]
        assert (read["cron"], "disabled" in read["sentence"]) == ("30 2 * * *", True)
        assert (await ada.delete(f"{SCHEDULES}/look")).status_code == 204
        assert (await ada.get(f"{SCHEDULES}/look")).status_code == 404


async def test_nonsense_is_refused_and_who_may_only_read_sets_nothing(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        told = {
            "Bad minute": {"cron": "61 * * * *"},
            "Bad day-of-month": {"cron": "0 0 31 2 *"},
            "no time zone": {"time_zone": "Europe/Atlantis"},
        }
        for words, wrong in told.items():
            answer = await front.admin.post(SCHEDULES, json=LOOK | wrong)
            assert (answer.status_code, words in answer.json()["detail"]) == (422, True), (
                answer.text
            )
        for field, wrong in {
            "body.catch_up": {"catch_up": "some"},
            "body.catch_up_most": {"catch_up_most": 1001},
            "body.name": {"name": "a b"},
            "body.task.step": {"task": TASK | {"step": "apply"}},
            "body.task.priority": {"task": TASK | {"priority": 101}},
        }.items():
            answer = await front.admin.post(SCHEDULES, json=LOOK | wrong)
            assert answer.status_code == 422
            assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await front.admin.get(SCHEDULES)).json()["data"] == []
        eve = await front.person("eve", "htm:read")
        assert (await eve.post(SCHEDULES, json=LOOK)).status_code == 403
        assert (await eve.patch(f"{SCHEDULES}/look", json={})).status_code == 403
