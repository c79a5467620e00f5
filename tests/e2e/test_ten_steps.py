"""From an error to what was learned of it: every step is there, in its order, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faults import files
from faults.story import ended, keep_approving
from faults.test_kills import people, report

from grace.kit import end_tasks
from grace.stack.ports import free_port
from grace.testkit import House, eventually

if TYPE_CHECKING:
    from grace.client import Grace
    from grace.contracts.learning import PlaybookRecord

_BEGUN = (
    "error.detected",
    "error.captured",
    "agentic.action_planned",
    "verification.contract.drafted",
    "approval.requested",
    "approval.granted",
    "verification.hold.taken",
    "agentic.action_executing",
    "htm.task.finished",
    "verification.snapshot.stored",
    "verification.action.applied",
    "verification.task.submitted",
    "htm.task.finished",
    "verification.measurement.taken",
)
_VERIFIED = (
    "verification.action.closed",
    "agentic.problem_resolved",
    "verification.mission.closed",
)
_TAKEN_BACK = (
    "verification.revert.decided",
    "agentic.action_executing",
    "htm.task.finished",
    "verification.revert.done",
    "verification.task.submitted",
    "htm.task.finished",
    "verification.restore.observed",
    "verification.task.submitted",
    "htm.task.finished",
    "verification.measurement.taken",
    "verification.action.closed",
    "verification.mission.closed",
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("incident", "rest", "successes"),
    [(files.HEALED, _VERIFIED, 1), (files.TAKEN_BACK, _TAKEN_BACK, 0)],
    ids=["healed", "taken back"],
)
async def test_every_step_of_the_loop_is_taken_once_and_in_order(
    house: House, tmp_path: Path, incident: files.Incident, rest: tuple[str, ...], successes: int
) -> None:
    root, shelf = tmp_path / "root", tmp_path / "books"
    files.prepare(root, shelf, house.installation.targets_file, incident)
    port = free_port()
    settings = {"gateway": {"port": port}, "intent": {"playbook_dir": shelf}}
    async with (
        house.running(*house.installation.names, **settings),
        people(house, port) as (admin, approver),
    ):
        beside = [asyncio.create_task(keep_approving(approver))]
        try:
            await report(admin, incident)
            mission = await ended(admin, incident.kind)
        finally:
            await end_tasks(beside)
        assert (mission.status, incident.is_over(root)) == (incident.verdict, True)
        story = await eventually(lambda: whole(admin, mission.mission_id, len(_BEGUN + rest)))
        assert story == _BEGUN + rest
        learned = await eventually(lambda: recorded(admin, incident.name))
        assert (learned.total_executions, learned.successful_executions) == (1, successes)


async def whole(admin: Grace, mission_id: str, steps: int) -> tuple[str, ...] | None:
    """The subjects of a timeline, once the last word of every service is in it."""
    found = tuple(line.subject for line in await admin.timeline(mission_id))
    return found if len(found) >= steps else None


async def recorded(admin: Grace, playbook: str) -> PlaybookRecord | None:
    known = {each.playbook: each for each in (await admin.learning_summary()).playbooks}
    return known.get(playbook)
