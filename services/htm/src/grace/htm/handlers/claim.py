"""Workers take tasks: every request that waits is served by one claim."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from grace.contracts.htm import ClaimedTasks, ClaimTasks
from grace.htm.domain.hands import Request
from grace.htm.domain.holdings import Holdings
from grace.htm.domain.lanes import sizes_within
from grace.htm.domain.limits import Left, allowances, left_after
from grace.htm.domain.owner import Owner
from grace.htm.domain.rotation import Rotation, rotate
from grace.htm.domain.routing import is_kernel
from grace.htm.domain.schedule import Assignment, Facts, choose_next, is_drained, wanted_of
from grace.htm.domain.shares import Shares
from grace.htm.domain.turns import Turns
from grace.htm.handlers.asked import Asked
from grace.htm.handlers.lease import milliseconds, owner_of
from grace.htm.settings import Settings
from grace.htm.store import Claimed, Claims, Limits, Line, Quotas, hint_work
from grace.htm.store.written import Written
from grace.kit import Calls, Unit

# What an answer may hold of task specs, in bytes: a message has at most 1 MiB.
_ROOM = 800 * 1024


# Who wants tasks, by which key, and which.
Wish = tuple[Owner, str | None, ClaimTasks]
# Capacity and quotas, and what is held under them.
Standing = tuple[Shares, Holdings]


@dataclass(slots=True)
class Memory:
    """What a replica remembers between claims: an order among equals, never a limit."""

    turns: Turns = field(default_factory=Turns)
    rotation: Rotation = field(default_factory=Rotation)
    asked: Asked = field(default_factory=Asked)


class HandedOut(Written, ClaimedTasks):
    """The answer to a claim, with orders in it as they are stored: only who executes reads them."""


def handed_out(tasks: Sequence[str], *, drained: bool) -> HandedOut:
    """The answer made of tasks in JSON."""
    word = "true" if drained else "false"
    return HandedOut.of(f'{{"tasks":[{",".join(tasks)}],"drained":{word}}}')


async def on_claim(
    settings: Settings, memory: Memory, calls: Calls, unit: Unit
) -> Sequence[ClaimedTasks]:
    """Serve every worker that waits, by one claim at a time: limits are exact."""
    await memory.asked.note(calls, unit)
    if not await Line(unit.tx).take_turn(kernels_of(call.body for call in calls)):
        return [handed_out((), drained=True) for _ in calls]
    standing = await Quotas(unit.tx).find_standing()
    # One hint wakes many: who is a moment behind the first need not find out alone that all is gone.
    memory.asked.owe(calls.join())
    wishes = [(owner_of(call, call.body.worker_id), call.key_id, call.body) for call in calls]
    handed, drained = await hand_out(settings, memory, standing, wishes, unit)
    return [handed_out(tasks, drained=drained) for tasks in handed]


async def hand_out(
    settings: Settings, memory: Memory, standing: Standing, wishes: Sequence[Wish], unit: Unit
) -> tuple[Sequence[Sequence[str]], bool]:
    """The tasks of each wish, as JSON, and whether nothing else waits.

    Whoever calls has had the turn since before it looked how things stand.
    """
    requests = [_request(*wish, most=settings.claim_most) for wish in wishes]
    choice, left, drained = await _choose(settings, memory, standing, requests, unit)
    chosen = [(each.task_id, requests[each.request]) for each in choice]
    claimed = await Claims(unit.tx).assign_tasks(chosen, lease=settings.lease, left=left)
    if len(claimed) < len(chosen):  # somebody has them in hand, and may leave them as they are
        drained = False
        hint_work(unit, kernels_of(wish for _, _, wish in wishes))
    answers: list[list[str]] = [[] for _ in wishes]
    for each in choice:
        if task := claimed.get(each.task_id):
            answers[each.request].append(_claimed(each.task_id, task, lease=settings.lease))
    return answers, drained


async def _choose(
    settings: Settings,
    memory: Memory,
    standing: Standing,
    requests: Sequence[Request],
    unit: Unit,
) -> tuple[Sequence[Assignment], Left, bool]:
    """Gather the facts and decide: who gets what, the tokens that leaves, whether no more waits."""
    line, (shares, held) = Line(unit.tx), standing
    most = min(settings.claim_most, max(0, shares.capacity - held.total))
    wanted = wanted_of(requests, most=most)
    fronts = await line.queue_heads(
        wanted, memory.rotation, affinity_wait=settings.affinity_wait,
        most_queues=settings.claim_queues, most_lanes=settings.claim_lanes,
    )  # fmt: skip
    found = await Limits(unit.tx).lock_limits({each.limited for each in fronts if each.limited})
    facts = Facts(shares, held, allowances(found, held.keys), memory.turns)
    choice = choose_next(fronts, requests, facts, most=most)
    begun = Counter(each.limited for each in choice.assignments if each.limited)
    memory.turns = choice.turns
    memory.rotation = rotate(
        memory.rotation, fronts, wanted,
        most_queues=settings.claim_queues, most_lanes=settings.claim_lanes,
    )  # fmt: skip
    few = len(fronts) < min(settings.claim_queues, settings.claim_lanes)
    drained = few and is_drained(fronts, requests, choice.assignments, most=most)
    return choice.assignments, left_after(found, begun), drained


def kernels_of(claims: Iterable[ClaimTasks]) -> frozenset[str]:
    """All kernels that are asked for."""
    return frozenset(kernel for claim in claims for kernel in claim.kernels if is_kernel(kernel))


def _request(owner: Owner, key_id: str | None, claim: ClaimTasks, *, most: int) -> Request:
    return Request(
        owner=owner,
        key_id=key_id or "",
        kernels=frozenset(filter(is_kernel, claim.kernels)),
        slots=min(claim.slots, most),
        room=_ROOM,
        capabilities=frozenset(claim.capabilities),
        sizes=sizes_within(claim.largest_bytes),
    )


def _claimed(task_id: UUID, claimed: Claimed, *, lease: timedelta) -> str:
    """As JSON of a ClaimedTask; the spec is text of jsonb."""
    return (
        f'{{"task_id":"{task_id}","attempt_number":{claimed.attempt_number},'
        f'"lease_ms":{milliseconds(lease)},"spec":{claimed.spec}}}'
    )
