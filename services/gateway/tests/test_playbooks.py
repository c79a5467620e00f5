"""Playbooks and dry runs over REST."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
PLAYBOOK = """\
playbook: mend-it
version: 1
trigger: {condition: 'kind == "thing.broken"'}
steps:
  - action: {operation: thing.mend, params: {}}
    measurement: {operation: thing.look, params: {}}
    expectations: [{field: cracks, comparison: at_most, value: 0}]
"""
FIXTURES = """\
cases:
  - {name: one, error: {kind: thing.broken, target: t-1}, expect: {applies: true}}
  - {name: two, error: {kind: thing.fine, target: t-1}, expect: {applies: true}}
"""
INTENT = {"intent_id": "i", "goal": "Mend it", "domain": "thing", "sla_ms": 1000, "target": "t-1"}


async def test_playbooks_are_checked_tested_and_tried_over_rest(open_gateway: OpenGateway) -> None:
    async with open_gateway("intent") as front:
        ada = await front.person("ada", "playbooks:read", "playbooks:write", "missions:read")
        wrong = {"source": PLAYBOOK.replace("steps:", "stpes:")}
        checked = (await ada.post("/api/playbooks/check", json=wrong)).json()["data"]
        (problem,) = checked["problems"]
        assert (checked["valid"], problem["line"]) == (False, 4)
        assert "unknown stpes; did you mean steps?" in problem["text"]
        both = {"source": PLAYBOOK, "fixtures": FIXTURES}
        tested = (await ada.post("/api/playbooks/test", json=both)).json()["data"]
        assert (tested["passed"], [one["passed"] for one in tested["cases"]]) == (
            False,
            [True, False],
        )
        refused = await ada.post("/api/playbooks/test", json=both | {"fixtures": "case: 1"})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
        # No worker answers: nobody knows whether its operations exist.
        silent = await ada.post("/api/playbooks/import", json={"source": PLAYBOOK})
        assert (silent.status_code, silent.json()["code"]) == (503, "unavailable")
        refused = await ada.post("/api/playbooks/import", json=wrong)
        assert refused.status_code == 422
        seen = (await ada.post("/api/playbooks/shadow", json={})).json()["data"]
        assert (seen["missions"], seen["items"]) == (0, [])
        unknown = await ada.post("/api/missions/mission-0/replay", json={"playbook": PLAYBOOK})
        assert unknown.status_code == 404


async def test_a_dry_run_keeps_nothing(open_gateway: OpenGateway) -> None:
    async with open_gateway("intent") as front:
        ada = await front.person("ada", "intents:write", "intents:read")
        dry = await ada.post("/api/intents/submit?dry_run=true", json=INTENT)
        assert dry.status_code == 200, dry.text
        found = dry.json()["data"]
        assert (found["decision"], found["steps"]) == ("block", [])
        assert "no playbook answers thing" in found["reason"]
        assert "location" not in dry.headers
        assert (await ada.get("/api/intents")).json()["data"] == []
        assert (
            await ada.post("/api/intents/submit?dry_run=perhaps", json=INTENT)
        ).status_code == 422
