"""The layers together: what kernels measured decides which playbook is planned for the next error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faults.databases import Book, answered, opened

from grace.contracts.observability import CubeSelection, GetCubeFunnel
from grace.testkit import House, eventually

if TYPE_CHECKING:
    from grace.client import Grace
    from grace.contracts.learning import PlaybookRecord

# For the same error; the name decides while neither was tried.
WRONG, RIGHT = Book("a-wrong", "log.grew", "pages"), Book("b-right", "log.grew", "wal_frames")


@pytest.mark.timeout(120)
async def test_a_playbook_that_failed_gives_way_to_one_that_nobody_tried(
    house: House, tmp_path: Path
) -> None:
    async with opened(house, tmp_path, WRONG, RIGHT) as (_, admin):
        verdict, first = await answered(admin, WRONG.kind, "orders")
        assert (verdict, await planned_by(admin, first.mission_id)) == ("failed", "a-wrong")
        await eventually(lambda: recorded(admin, WRONG.name, successes=0))

        verdict, second = await answered(admin, WRONG.kind, "stock")
        assert (verdict, await planned_by(admin, second.mission_id)) == ("verified", "b-right")
        considered = {
            each.playbook: each.reason
            for each in (await admin.mission_plan(second.mission_id)).considered
        }
        assert considered["b-right"].endswith("not tried yet")
        assert considered["a-wrong"] == "behind b-right: proven record 0.03 and not 0.05"
        await eventually(lambda: recorded(admin, RIGHT.name, successes=1))

        # The orchestration had both as tasks of kernels, each ended once.
        tasks = (await admin.tasks(mission_id=second.mission_id)).items
        assert {(each.type, each.status, each.attempt_number) for each in tasks} == {
            ("sqlite.checkpoint.apply", "succeeded", 1),
            ("sqlite.look.observe", "succeeded", 1),
        }
        # An intent comes to the same plan by the same record.
        intent = await admin.submit("empty the log", "sqlite", kind=WRONG.kind, target="users")
        ended = await eventually(lambda: verified(admin, intent.intent_id), timeout=30)
        assert ended
        steps = await eventually(lambda: in_the_cube(house), timeout=15)
        assert (steps["captured"], steps["verified"]) == (3, 2)


async def planned_by(admin: Grace, mission_id: str) -> str | None:
    return (await admin.mission_plan(mission_id)).playbook


async def recorded(admin: Grace, playbook: str, *, successes: int) -> PlaybookRecord | None:
    known = {each.playbook: each for each in (await admin.learning_summary()).playbooks}
    found = known.get(playbook)
    return found if found and found.successful_executions == successes else None


async def verified(admin: Grace, intent_id: str) -> bool:
    return (await admin.intent(intent_id)).status == "verified"


async def in_the_cube(house: House) -> dict[str, int] | None:
    """How far the missions came, by what observability heard of them; once all are there."""
    gateway, now = await house.act_as("gateway"), datetime.now(UTC)
    selection = CubeSelection(
        tenant_id="default", fact="action", from_time=now - timedelta(hours=1), to_time=now
    )
    found = await gateway.call(GetCubeFunnel(selection=selection))
    steps = {each.name: each.missions for each in found.steps}
    return steps if steps.get("verified", 0) == 2 else None
