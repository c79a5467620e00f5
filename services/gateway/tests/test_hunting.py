"""No secret that is sent to the gateway is kept: reports are cleaned of it, the rest is refused."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from grace.testkit import House

OpenGateway = Callable[..., Any]
ERRORS, ALERTS = "/api/errors", "/api/webhooks/alertmanager"
# Put together here, so that nothing which looks for secrets in sources finds one.
TOKEN = "gh" + "p_" + "a1B2c3D4e5" * 4
PASSWORD = "hunter2-canary"
URL = f"postgres://shop:{PASSWORD}@db/shop"
REPORT = {"kind": "nothing.answers", "target": "shop-db", "message": f"cannot reach {URL}"}


def counted(kind: str, fate: str) -> float:
    labels = {"kind": kind, "fate": fate}
    return REGISTRY.get_sample_value("grace_gateway_secrets_total", labels) or 0


async def kept_by(house: House) -> list[dict[str, Any]]:
    query = "SELECT body FROM outbox WHERE subject = 'error.detected' ORDER BY position"
    return [json.loads(row["body"]) for row in await house.rows("gateway", query)]


async def test_a_report_is_kept_without_its_secrets(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        before = counted("URL password", "removed")
        details = {"env": {"API_KEY": PASSWORD, "USER": "shop"}, "argv": ["x", TOKEN]}
        answer = await front.admin.post(ERRORS, json=REPORT | {"details": details})
        assert (answer.status_code, answer.json()["data"]["redacted"]) == (202, 3)
        clean = await front.admin.post(ERRORS, json=REPORT | {"message": "12 wait"})
        assert clean.json()["data"]["redacted"] == 0
        first, second = await kept_by(front.house)
        assert first["message"] == "cannot reach postgres://shop:[removed: URL password]@db/shop"
        assert first["details"] == {
            "env": {"API_KEY": "[removed: password]", "USER": "shop"},
            "argv": ["x", "[removed: GitHub token]"],
        }
        assert second["message"] == "12 wait"
        assert counted("URL password", "removed") == before + 1


def event(number: int, **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "https://monitor.example.org",
        "type": "nothing.answers",
        "subject": "shop-db",
        "data": data,
    }


async def test_events_and_alerts_are_cleaned_too(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        events = [event(1, message=URL, stderr=TOKEN), event(2, message="12 wait")]
        answer = await front.admin.post(ERRORS, json=events)
        assert (answer.status_code, answer.json()["data"]["redacted"]) == (202, 2)
        again = await front.admin.post(ERRORS, json=events)
        assert again.json()["data"]["message_ids"] == answer.json()["data"]["message_ids"]
        alert = {
            "status": "firing",
            "labels": {"grace_kind": "nothing.answers", "grace_target": "shop-db", "token": TOKEN},
            "annotations": {"summary": "long " * 817 + URL},
            "startsAt": "2026-11-20T12:00:00Z",
        }
        notification = {"version": "4", "alerts": [alert]}
        answer = await front.admin.post(ALERTS, json=notification)
        # The message, its annotation and the label: what is cut off was cleaned before.
        assert (answer.status_code, answer.json()["data"]["redacted"]) == (202, 3)
        kept = json.dumps(await kept_by(front.house))
        assert PASSWORD not in kept
        assert TOKEN not in kept
        assert PASSWORD[:3] not in kept


@pytest.mark.parametrize("field", ["kind", "target", "source"])
async def test_a_secret_in_a_name_is_refused(open_gateway: OpenGateway, field: str) -> None:
    async with open_gateway() as front:
        answer = await front.admin.post(ERRORS, json=REPORT | {field: TOKEN})
        refused(answer, f"body.{field}", "GitHub token")
        assert await kept_by(front.house) == []


def refused(answer: httpx.Response, field: str, kind: str) -> None:
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert f"Holds a secret ({kind})" in error["problem"]
    assert TOKEN not in answer.text
    assert PASSWORD not in answer.text


TASK = {
    "key": "look-1",
    "kernel": "filesystem",
    "step": "observe",
    "operation": "filesystem.usage",
    "target": "shop",
    "params": {},
}


async def test_what_is_not_for_cleaning_is_refused_wherever_it_comes_in(
    open_gateway: OpenGateway,
) -> None:
    escaped = json.dumps({"reason": "x\n" + TOKEN}).replace("p_a", "p_\\u0061")
    async with open_gateway() as front:
        before = counted("GitHub token", "refused")
        task = {"tasks": [TASK, TASK | {"params": {"odd key": [1, {"path": f"/{TOKEN}"}]}}]}
        refused(
            await front.admin.post("/api/htm/tasks", json=task),
            "body.tasks.1.params.*.1.path",
            "GitHub token",
        )
        raw = await front.admin.post(
            "/api/htm/queues/filesystem/pause",
            content=escaped,
            headers={"content-type": "application/json"},
        )
        refused(raw, "body.reason", "GitHub token")
        text = {"content": f"see {URL}", "title": "notes", "artifact_type": "note"}
        refused(
            await front.admin.post("/api/knowledge/ingest", json=text),
            "body.content",
            "URL password",
        )
        refused(
            await front.admin.post("/api/intents/submit", json={TOKEN: 1}), "body", "GitHub token"
        )
        assert counted("GitHub token", "refused") == before + 3


async def test_words_for_a_program_are_counted_and_kept_as_words(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        labels = {"kind": "markup"}
        before = REGISTRY.get_sample_value("grace_gateway_suspicions_total", labels)
        message = "<script>alert(1)</script>"
        answer = await front.admin.post(ERRORS, json=REPORT | {"message": message})
        assert (answer.status_code, answer.json()["data"]["redacted"]) == (202, 0)
        assert [body["message"] for body in await kept_by(front.house)] == [message]
        assert REGISTRY.get_sample_value("grace_gateway_suspicions_total", labels) == before + 1
