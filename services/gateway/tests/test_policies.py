"""Policies over REST: added, changed as they were read, tried, and refused with the reason."""

from collections.abc import Callable
from typing import Any

OpenGateway = Callable[..., Any]
POLICIES = "/api/governance/policies"
FREEZE = (
    '@id("freeze") @why("the books are closed")'
    ' forbid (principal, action == Action::"run", resource);'
)
NEW = {"name": "freeze", "text": FREEZE, "reason": "audit"}


async def test_a_document_is_added_read_changed_and_taken_back(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        ops = await front.person("ops", "governance:read", "governance:write")
        listed = (await ops.get(POLICIES)).json()["data"]
        assert [each["name"] for each in listed["documents"]] == ["constitution", "defaults"]
        assert "entity Target" in listed["vocabulary"]
        made = await ops.post(POLICIES, json=NEW)
        assert (made.status_code, made.headers["etag"]) == (201, '"1"'), made.text
        assert (await ops.post(POLICIES, json=NEW)).status_code == 409
        found = await ops.get(f"{POLICIES}/freeze")
        assert (found.json()["data"]["made_by"], found.headers["etag"]) == ("ops", '"1"')
        change = {"text": FREEZE.replace("books", "doors"), "reason": "x"}
        at = f"{POLICIES}/freeze"
        assert (await ops.put(at, json=change)).status_code == 428
        assert (await ops.put(at, json=change, headers={"If-Match": '"7"'})).status_code == 412
        changed = await ops.put(at, json=change, headers={"If-Match": '"1"'})
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"'), changed.text
        gone = await ops.delete(at, params={"reason": "over"}, headers={"If-Match": "*"})
        assert (gone.status_code, gone.json()["data"]["in_force"]) == (200, False)
        assert (await ops.get(at)).status_code == 404
        versions = (await ops.get(f"{at}/versions")).json()["data"]
        assert [(each["version"], each["reason"]) for each in versions] == [
            (3, "over"), (2, "x"), (1, "audit"),
        ]  # fmt: skip


async def test_the_defaults_give_way_to_a_text_of_ones_own_and_come_back(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("governance") as front:
        at, text = f"{POLICIES}/defaults", {"text": "// nothing", "reason": "x"}
        shipped = await front.admin.get(at)
        assert (shipped.headers["etag"], shipped.json()["data"]["made_by"]) == ('"0"', "grace")
        assert (await front.admin.put(at, json=text, headers={"If-Match": '"0"'})).is_success
        assert (await front.hand_in(1))["status"] == "rejected"
        assert (await front.admin.delete(at, headers={"If-Match": '"1"'})).is_success
        assert (await front.admin.get(at)).headers["etag"] == '"0"'
        assert (await front.hand_in(1))["status"] == "granted"


async def test_what_is_wrong_with_policies_is_said_and_who_may_not_changes_nothing(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("governance") as front:
        eve = await front.person("eve", "governance:read")
        assert (await eve.post(POLICIES, json=NEW)).status_code == 403
        for bad, words in (
            (NEW | {"text": "forbid (principal"}, "parse error"),
            (NEW | {"text": FREEZE.replace("resource)", "resource) when { context.x }")}, "`x`"),
            (NEW | {"name": "Freeze!"}, None),
            (NEW | {"kind": "law"}, None),
            (NEW | {"reason": " "}, None),
        ):
            answer = await front.admin.post(POLICIES, json=bad)
            assert answer.status_code == 422, bad
            assert words is None or words in answer.json()["detail"]
        taken = {"text": FREEZE, "reason": "x"}
        at = f"{POLICIES}/constitution"
        answer = await front.admin.put(at, json=taken, headers={"If-Match": "*"})
        assert answer.status_code == 403
        assert [each["name"] for each in (await eve.get(POLICIES)).json()["data"]["documents"]] == [
            "constitution",
            "defaults",
        ]
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'eve'"
        )
        assert (await eve.get(POLICIES)).status_code == 403


async def test_policies_are_tried_on_cases_and_on_what_was(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        approval = await front.hand_in(2)
        candidate = {"name": "freeze", "text": FREEZE}
        cases = [{"name": "a setting", "given": {"operation_tier": 2, "environment": "demo"}}]
        tried = await front.admin.post(
            f"{POLICIES}/test", json={"cases": cases, "candidate": candidate}
        )
        assert [case["outcome"] for case in tried.json()["data"]["cases"]] == ["refused"]
        simulated = await front.admin.post(f"{POLICIES}/simulate", json={"candidate": candidate})
        found = simulated.json()["data"]
        assert (found["judged"], found["same"], found["complete"]) == (1, 0, True)
        assert found["changes"] == {"asked:1 -> refused": 1}
        assert found["moves"][0]["approval_id"] == approval["approval_id"]
        at = f"/api/governance/decisions/{approval['approval_id']}"
        decision = (await front.admin.get(at)).json()["data"]
        assert (decision["outcome"], decision["tier"]) == ("asked", 2)
        page = await front.admin.get("/api/governance/decisions?outcome=asked&limit=1")
        assert [each["approval_id"] for each in page.json()["data"]] == [approval["approval_id"]]
        assert (await front.admin.get("/api/governance/decisions/none")).status_code == 404
        again = {"mission_id": approval["mission_id"], "candidate": candidate}
        replayed = (await front.admin.post(f"{POLICIES}/replay", json=again)).json()["data"]
        (one,) = replayed["rulings"]
        assert (one["was"], one["would_be"], one["differs"], one["tier"]) == (
            "asked:1", "refused", True, 2,
        )  # fmt: skip
        assert one["was_rules"] == ["constitution.changes-need-a-standing-approval"]
        assert (one["rules"], one["because"][-1]) == (["freeze"], "freeze: the books are closed")
        same = await front.admin.post(f"{POLICIES}/replay", json=again | {"candidate": None})
        assert [each["differs"] for each in same.json()["data"]["rulings"]] == [False]
        for wrong, status, words in (
            ({"mission_id": "mission-none"}, 404, "No policy ever decided"),
            ({"candidate": candidate | {"text": "forbid (principal"}}, 422, "parse error"),
        ):
            refused = await front.admin.post(f"{POLICIES}/replay", json=again | wrong)
            assert (refused.status_code, words in refused.json()["detail"]) == (status, True)
