"""The queues of the kernels: how many wait, and whether tasks are handed out."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from grace.contracts.htm import ListQueues, Queue, SteerQueue
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Page, cursor_after, id_before
from grace.gateway.api.steering import Order
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/htm/queues", tags=["htm"])

Reader = Annotated[Caller, needs(Scope.HTM_READ)]
Writer = Annotated[Caller, needs(Scope.HTM_WRITE)]
Kernel = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_:-]{1,128}$", description="A kernel.", examples=["postgres"]),
]


@router.get("", summary="List queues, by kernel")
async def list_queues(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[Queue, ...]]:
    """Return a page of the kernels that have tasks of the tenant, or are paused."""
    found = await caller.ask(
        ListQueues(
            tenant_id=caller.tenant, limit=page.limit, after=id_before("queues", page.cursor)
        )
    )
    kernels = [queue.kernel for queue in found.queues]
    return caller.answer(found.queues, next_cursor=cursor_after("queues", kernels, page.limit))


@router.post("/{kernel}/pause", summary="Pause a kernel")
async def pause_queue(kernel: Kernel, order: Order, caller: Writer) -> Envelope[Queue]:
    """Hand out no more tasks of a kernel; what runs ends, and what waits may still expire.

    Workers serve every tenant: 404 for a key of any other than the tenant that runs Grace.
    """
    return await _steered(caller, kernel, "pause", order)


@router.post("/{kernel}/resume", summary="Resume a kernel")
async def resume_queue(kernel: Kernel, order: Order, caller: Writer) -> Envelope[Queue]:
    """Hand out the tasks of a kernel again, and wake its workers."""
    return await _steered(caller, kernel, "resume", order)


async def _steered(caller: Caller, kernel: str, act: str, order: Order) -> Envelope[Queue]:
    wanted = SteerQueue(
        tenant_id=caller.tenant,
        kernel=kernel,
        act=act,
        principal=caller.key.principal,
        reason=order.reason,
    )
    return caller.answer(await caller.ask(wanted))
