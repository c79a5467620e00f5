"""Tasks: what HTM runs, with every attempt."""

from typing import Annotated

from fastapi import APIRouter

from grace.contracts.htm import GetTasks, Task
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id
from grace.gateway.domain.access import Scope
from grace.kit import NotFound

router = APIRouter(prefix="/api/htm/tasks", tags=["htm"])


class UnknownTask(NotFound):
    """No such task."""


@router.get("/{task_id}", summary="Read one task")
async def read_task(
    task_id: Id, caller: Annotated[Caller, needs(Scope.HTM_READ)]
) -> Envelope[Task]:
    """Return a task with its timestamps, result and attempts."""
    found = await caller.ask(GetTasks(task_ids=(task_id,)))
    own = [task for task in found.tasks if task.tenant_id == caller.tenant]
    if not own:
        raise UnknownTask
    return caller.answer(own[0])
