"""Tasks: what HTM runs, with every attempt, and why each stands where it stands."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field, ValidationError

from grace.contracts.htm import (
    ExplainTask,
    GetTasks,
    ListedTask,
    ListTasks,
    Task,
    TaskReason,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id, Page, cursor_after, id_before
from grace.gateway.api.instants import Instant
from grace.gateway.api.intake import refused
from grace.gateway.domain.access import Scope
from grace.kit import NotFound

router = APIRouter(prefix="/api/htm/tasks", tags=["htm"])

Reader = Annotated[Caller, needs(Scope.HTM_READ)]
Status = Literal[
    "waiting",
    "scheduled",
    "queued",
    "assigned",
    "running",
    "retrying",
    "needs_attention",
    "joining",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
    "dead_letter",
]


class TasksPage(Page):
    """Which tasks. Every filter narrows the page."""

    status: Status | None = Field(default=None, description="Only tasks that stand so.")
    kernel: str | None = Field(default=None, pattern=ID_PATTERN, description="Only its tasks.")
    origin: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Only tasks that are charged to it."
    )
    type: str | None = Field(default=None, pattern=ID_PATTERN, description="Only tasks of it.")
    mission_id: str | None = Field(default=None, pattern=ID_PATTERN, description="Only its tasks.")
    contract_id: str | None = Field(default=None, pattern=ID_PATTERN, description="Only its tasks.")
    parent_id: str | None = Field(default=None, pattern=ID_PATTERN, description="Its children.")
    since: Instant | None = Field(default=None, description="Accepted then or later.")
    until: Instant | None = Field(default=None, description="Accepted before.")


class UnknownTask(NotFound):
    """No such task."""


@router.get("", summary="List tasks, newest first")
async def list_tasks(
    caller: Reader, page: Annotated[TasksPage, Query()]
) -> Envelope[tuple[ListedTask, ...]]:
    """Return a page of the tenant's tasks.

    A page looks at so many tasks and no more: with filters it may be short, even empty, while
    `next_cursor` goes on.
    """
    found = await caller.ask(_question(caller, page))
    following = (found.next,) if found.next is not None else ()
    return caller.answer(found.tasks, next_cursor=cursor_after("tasks", following, 1))


@router.get("/{task_id}", summary="Read one task")
async def read_task(task_id: Id, caller: Reader) -> Envelope[Task]:
    """Return a task with its timestamps, result and attempts."""
    found = await caller.ask(GetTasks(task_ids=(task_id,)))
    own = [task for task in found.tasks if task.tenant_id == caller.tenant]
    if not own:
        raise UnknownTask
    return caller.answer(own[0])


@router.get("/{task_id}/why", summary="Read why a task stands where it stands")
async def explain_task(task_id: Id, caller: Reader) -> Envelope[TaskReason]:
    """Return what keeps a task from going on, its place, who holds it or what ended it."""
    question = ExplainTask(tenant_id=caller.tenant, task_id=task_id)
    return caller.answer(await caller.ask(question))


def _question(caller: Caller, page: TasksPage) -> ListTasks:
    filters = page.model_dump(exclude={"limit", "cursor"})
    before = id_before("tasks", page.cursor)
    try:
        return ListTasks(tenant_id=caller.tenant, limit=page.limit, before=before, **filters)
    except ValidationError as error:
        raise refused(error, "query") from None
