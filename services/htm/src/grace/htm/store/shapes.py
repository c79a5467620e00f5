"""Rows as the domain knows them."""

from grace.htm.domain.announcements import Moved, Times
from grace.htm.domain.lifecycle import State
from grace.htm.domain.owner import Owner
from grace.htm.domain.reports import Attempted, Ending
from grace.htm.domain.retry import History
from grace.kit import Record

# Quicker than to call the enumeration: every task comes by here.
_STATES = {state.value: state for state in State}


def attempted_of(row: Record) -> Attempted:
    """A task with its newest attempt."""
    claimed = row["worker_id"] is not None
    return Attempted(
        task_id=row["id"],
        state=State(row["status"]),
        owner=Owner(row["worker_component"], row["worker_id"]) if claimed else None,
        ending=Ending(row["ending"]),
        history=History(row["attempt_number"], row["max_attempts"], row["failures"], row["lapses"]),
        cancelling=row["cancelling"],
        type=row["type"],
    )


def moved_of(row: Record) -> Moved:
    """A task that came out of an attempt, or out of the queue."""
    return Moved(
        row["id"],
        row["attempt_number"],
        row["tenant_id"],
        row["type"],
        row["origin"],
        _STATES[row["status"]],
        row["contract_id"],
        row["mission_id"],
        _times_of(row),
        row["followed"],
    )


def _times_of(row: Record) -> Times | None:
    """The times of an ended task; None for one that goes on, or where they were not asked for."""
    if row.get("finished_at") is None:
        return None
    return Times(
        row["created_at"],
        row["queued_at"],
        row["assigned_at"],
        row["started_at"],
        row["finished_at"],
        row.get("worked_until", row["finished_at"]),
    )
