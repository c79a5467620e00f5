"""Whether anybody may still begin what is submitted."""

from collections.abc import Collection, Sequence
from datetime import datetime

from grace.htm.domain.relations import Key
from grace.htm.domain.routing import NewTask


def with_passed_deadline(tasks: Sequence[NewTask], *, now: datetime) -> list[NewTask]:
    """Those that nobody may begin any more."""
    return [task for task in tasks if task.deadline_at is not None and task.deadline_at <= now]


def too_late(tasks: Sequence[NewTask], stored: Collection[Key], *, now: datetime) -> str | None:
    """Why tasks that were submitted together may not enter; what is stored already is in time."""
    late = with_passed_deadline(tasks, now=now)
    wrong = next((task for task in late if (task.tenant_id, task.key) not in stored), None)
    if wrong is None:
        return None
    return f"{wrong.key}: its deadline_at has passed: give one that is to come, or none"
