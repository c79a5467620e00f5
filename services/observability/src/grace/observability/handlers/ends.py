"""Hears how missions end: some of them are remediations."""

from collections.abc import Sequence

from grace.contracts.verification import MissionClosed
from grace.kit import Received, Unit
from grace.observability import metrics
from grace.observability.domain.remediation import outcome_of
from grace.observability.handlers.wakes import Wakes
from grace.observability.store import Remediations


async def on_mission_closed(
    wakes: Wakes, messages: Sequence[Received[MissionClosed]], unit: Unit
) -> None:
    """Close the remediations of these missions; of any other mission nothing is wanted."""
    store = Remediations(unit.tx)
    ends = {message.body.mission_id: message.body for message in messages}
    opened = await store.of_missions(ends)
    ended = []
    for each in opened:
        end = ends[each.mission_id or ""]
        ended.append((each, outcome_of(end.status, end.reason)))
    counts = await store.close(ended) if ended else {}

    def committed() -> None:
        metrics.count_remediations(counts)
        # One may be among them whose mission is not known here yet.
        unit.runtime.wake(wakes.follow)

    unit.after_commit(committed)
