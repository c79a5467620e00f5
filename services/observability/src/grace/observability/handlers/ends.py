"""Hears how missions end: some of them are remediations."""

from collections.abc import Sequence

from grace.contracts.verification import MissionClosed, MissionReopened
from grace.kit import Received, Unit
from grace.observability import metrics
from grace.observability.domain.remediation import is_ended_by, outcome_of
from grace.observability.handlers.wakes import Wakes
from grace.observability.store import Remediations


async def on_mission_closed(
    wakes: Wakes, messages: Sequence[Received[MissionClosed]], unit: Unit
) -> None:
    """Close the remediations of these missions; of any other mission nothing is wanted.

    One that was submitted after the end follows another mission by now: intent is asked which.
    """
    store = Remediations(unit.tx)
    ends = {message.body.mission_id: message.body for message in messages}
    opened = await store.of_missions(ends)
    ended = []
    for each in opened:
        end = ends[each.mission_id or ""]
        if is_ended_by(each, end.closed_at):
            ended.append((each, outcome_of(end.status, end.reason)))
    counts = await store.close(ended) if ended else {}

    def committed() -> None:
        metrics.count_remediations(counts)
        # One may be among them whose mission is not known here yet.
        unit.runtime.wake(wakes.follow)

    unit.after_commit(committed)


async def on_mission_reopened(messages: Sequence[Received[MissionReopened]], unit: Unit) -> None:
    """Take back what these missions remedied, whether their end is known here or not yet."""
    reasons = {message.body.mission_id: message.body.reason for message in messages}
    counts = await Remediations(unit.tx).reopen(reasons)
    unit.after_commit(lambda: metrics.count_remediations(counts))
