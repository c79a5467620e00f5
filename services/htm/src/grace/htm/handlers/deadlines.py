"""Tasks that come in with a deadline of their own."""

from collections.abc import Sequence

from grace.htm.domain.deadlines import too_late, with_passed_deadline
from grace.htm.domain.routing import Refused
from grace.htm.handlers.relate import Route
from grace.htm.store import Tasks
from grace.kit import Unit


async def judge_deadlines(routes: Sequence[Route], unit: Unit) -> Sequence[Route]:
    """Refuse requests whose tasks nobody may begin any more; asks no clock where there is none."""
    tasks = [task for route in routes if not isinstance(route, Refused) for task in route]
    if all(task.deadline_at is None for task in tasks):
        return routes
    now = await unit.now()
    late = with_passed_deadline(tasks, now=now)
    stored = await Tasks(unit.tx).find_keys({(task.tenant_id, task.key) for task in late})
    reasons = [None if isinstance(r, Refused) else too_late(r, stored, now=now) for r in routes]
    return [
        route if reason is None else Refused(reason)
        for route, reason in zip(routes, reasons, strict=True)
    ]
