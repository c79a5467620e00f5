"""What an interrupted demonstration left open: it is ended before the next one begins."""

from grace.client import wait_for_mission
from grace.stack.demo.people import People
from grace.stack.demo.show import Show
from grace.stack.demo.target import ID

OPEN = frozenset({"open", "planned", "awaiting_approval", "acting"})
_ENDS = 60.0  # seconds; a mission that acts already goes on to its verdict


async def end_earlier(people: People, show: Show) -> None:
    """Reject what still waits for a decision about the target, and wait for the rest to end.

    StillOpen when a mission does not end.
    """
    page = await people.admin.missions()
    left = {m.mission_id for m in page.items if m.target == ID and m.status in OPEN}
    for approval in (await people.admin.approvals(status="pending")).items:
        if approval.mission_id in left:
            await people.approver.reject(
                approval.approval_id,
                approval.shown_hash,
                reason="its demonstration was interrupted",
            )
    for mission_id in sorted(left):
        mission = await wait_for_mission(people.admin, mission_id, timeout=_ENDS)
        show.line(f"{mission_id} of an interrupted demonstration: {mission.status}")
