"""People pause and resume kernels. Twice is the same answer, and told once."""

from grace.contracts.htm import ListQueues, Queue, Queues, SteerQueue
from grace.htm import store
from grace.htm.domain.routing import is_kernel
from grace.htm.domain.steering import OPERATORS_TENANT, QueueAct
from grace.htm.store import Line, hint_work, tell_steered
from grace.kit import Called, Invalid, NotFound, Runtime, Unit

_LARGEST_PAGE = 100


class UnknownQueue(NotFound):
    """No such queue: kernels are paused and resumed by the tenant that runs Grace."""


class NotAKernel(Invalid):
    """A kernel is one word of letters, digits, underscores, hyphens and colons."""


class UnknownQueueAct(Invalid):
    """An act on a queue is pause or resume."""


async def on_steer_queue(call: Called[SteerQueue], unit: Unit) -> Queue:
    """Pause or resume a kernel, and answer how its queue stands then."""
    body = call.body
    if body.act not in {*QueueAct}:
        raise UnknownQueueAct
    if body.tenant_id != OPERATORS_TENANT:
        raise UnknownQueue
    if not is_kernel(body.kernel):
        raise NotAKernel
    if await _obey(QueueAct(body.act), body, unit):
        tell_steered(unit, body)
    (shown,) = await store.Queues(unit.tx).count_queues(body.tenant_id, [body.kernel])
    return shown


async def on_list_queues(call: Called[ListQueues], runtime: Runtime) -> Queues:
    """Answer with a page of queues that have a tenant's tasks, or are paused."""
    body = call.body
    async with runtime.reading() as tx:
        queues = store.Queues(tx)
        kernels = await queues.queue_names(
            body.tenant_id, after=body.after or "", limit=min(body.limit, _LARGEST_PAGE)
        )
        return Queues(queues=tuple(await queues.count_queues(body.tenant_id, kernels)))


async def _obey(act: QueueAct, body: SteerQueue, unit: Unit) -> bool:
    """Whether the act changed anything."""
    queues = store.Queues(unit.tx)
    if act is QueueAct.RESUME:
        hint_work(unit, [body.kernel])
        return await queues.resume_queue(body.kernel)
    # A claim that is being served may still hand tasks out: once it has committed, none does.
    await Line(unit.tx).lock_claims()
    return await queues.pause_queue(body.kernel, principal=body.principal)
