"""People steer tasks: cancel, release, retry; and the dead letters, with their replay."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.htm import DeadLetter, ListDeadLetters, SteerTask, Task
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/htm", tags=["htm"])

Reader = Annotated[Caller, needs(Scope.HTM_READ)]
Writer = Annotated[Caller, needs(Scope.HTM_WRITE)]


class Order(BaseModel):
    """Why somebody steers."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"reason": "The shop team repairs it by hand."}},
    )

    reason: str | None = Field(default=None, max_length=1000, description="For the record.")


@router.post("/tasks/{task_id}/cancel", summary="Cancel a task")
async def cancel_task(task_id: Id, order: Order, caller: Writer) -> Envelope[Task]:
    """Cancel a task at once, or tell the worker that holds it; `cancel_requested_at` is set then.

    What a worker has begun ends: a success stays one, everything else is `cancelled` and not tried
    again. 409 where the task had ended before.
    """
    return await _steered(caller, task_id, "cancel", order)


@router.post("/tasks/{task_id}/release", summary="Release a task that needs attention")
async def release_task(task_id: Id, order: Order, caller: Writer) -> Envelope[Task]:
    """Queue a task that is `needs_attention` again, without a deadline.

    409 for any other, and for a mission's action, which is decided on with its mission.
    """
    return await _steered(caller, task_id, "release", order)


@router.post("/tasks/{task_id}/retry", summary="Do a failed task once more")
async def retry_task(task_id: Id, order: Order, caller: Writer) -> Envelope[Task]:
    """Make a new task of one that is `failed` or a `dead_letter`, and return the new one.

    Once: a repeat returns the same new task. 409 where the task has not failed for good, or
    belongs to a contract, which was judged by its end.
    """
    return await _steered(caller, task_id, "replay", order)


@router.get("/dead-letters", summary="List dead letters, newest first")
async def list_dead_letters(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[DeadLetter, ...]]:
    """Return a page of the tenant's tasks that used up their attempts."""
    found = await caller.ask(
        ListDeadLetters(
            tenant_id=caller.tenant, limit=page.limit, before=id_before("letters", page.cursor)
        )
    )
    ids = [letter.task_id for letter in found.letters]
    return caller.answer(found.letters, next_cursor=cursor_after("letters", ids, page.limit))


@router.post("/dead-letters/{task_id}/replay", summary="Replay a dead letter")
async def replay_dead_letter(task_id: Id, order: Order, caller: Writer) -> Envelope[Task]:
    """The same as a retry of the task: a new task, once."""
    return await _steered(caller, task_id, "replay", order)


async def _steered(caller: Caller, task_id: str, act: str, order: Order) -> Envelope[Task]:
    wanted = SteerTask(
        tenant_id=caller.tenant,
        task_id=task_id,
        act=act,
        principal=caller.key.principal,
        reason=order.reason,
    )
    return caller.answer(await caller.ask(wanted))
