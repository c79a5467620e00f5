"""Why a task stands where it stands: facts in, blocks and one sentence out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from grace.htm.domain.following import Ended
from grace.htm.domain.holdings import Holdings
from grace.htm.domain.lifecycle import FINAL, HELD, State
from grace.htm.domain.limits import Limit, allowance
from grace.htm.domain.shares import Ledger, Shares, Usage, usages_of
from grace.htm.domain.sla import Sla, Timing, buffer_of, sla_of


@dataclass(frozen=True, slots=True)
class Line:
    """What a queued task waits behind; `recent_ends` tasks of its queue ended since `recent_since`."""

    ahead: int
    ahead_is_exact: bool
    kernel_held: int
    kernel_asked_at: datetime | None
    recent_ends: int
    recent_since: datetime | None


@dataclass(frozen=True, slots=True)
class Gates:
    """What may be shut for a queued task; `held` counts all tasks that workers hold."""

    paused_by: str | None = None
    capacity: int | None = None
    held: int = 0
    limit_key: str | None = None
    limit: Limit | None = None
    limit_held: int = 0
    # What its origin holds of its part, where it may hold no more at present.
    share: Usage | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A task and its surroundings at one moment."""

    task_id: UUID
    state: State
    kernel: str
    origin: str
    attempt_number: int
    max_attempts: int
    timing: Timing
    sla: Sla
    line: Line
    timeout: timedelta
    worker: str | None = None
    lease_until: datetime | None = None
    not_before: datetime | None = None
    started_at: datetime | None = None
    error_class: str | None = None
    error_message: str | None = None
    same_target: tuple[UUID, ...] = ()
    gates: Gates = Gates()
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    ends_as: State | None = None
    blockers: tuple[Ended, ...] = ()
    """Dependencies that have not succeeded, or children that have not ended; the first of them."""

    def under(self, shares: Shares, held: Holdings) -> "Facts":
        """The same with what its origin may hold at this moment."""
        if Ledger(shares, held.queues).standing(self.origin) is not None:
            return self
        counts = {("", self.origin): 0} | dict(held.queues)
        (usage,) = [each for each in usages_of(shares, counts) if each.origin == self.origin]
        return replace(self, gates=replace(self.gates, share=usage))


@dataclass(frozen=True, slots=True)
class Block:
    """One thing that keeps a task from going on."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reason:
    """The answer to why."""

    sentence: str
    blocks: tuple[Block, ...]
    sla: Sla
    buffer: float
    estimated_start_at: datetime | None


def reason_of(facts: Facts, *, silence: timedelta) -> Reason:
    """Say why; a kernel that nobody asked for since `silence` has no worker."""
    blocks = tuple(blocks_of(facts, silence=silence))
    estimate = _estimate(facts) if _will_start(blocks) else None
    sla = sla_of(facts.timing, facts.sla)
    told = f"{_standing(facts, blocks)}; {_deadline(facts.timing, sla)}."
    return Reason(told, blocks, sla, buffer_of(facts.timing), estimate)


def blocks_of(facts: Facts, *, silence: timedelta) -> Iterator[Block]:
    """Everything that keeps the task from going on."""
    if facts.state is State.QUEUED:
        yield from _gate_blocks(facts.kernel, facts.gates)
        yield from _worker_blocks(facts, silence=silence)
        yield from _queue_blocks(facts.line)
    elif facts.state in {State.WAITING, State.JOINING}:
        yield _relation_block(facts)
    elif facts.state is State.SCHEDULED:
        yield Block("run_at", _begins(facts))
    elif facts.state is State.RETRYING:
        yield Block("retry_wait", f"{_next_try(facts)} after {_error(facts)}")
    elif facts.state is State.NEEDS_ATTENTION:
        yield Block("needs_attention", "an operator has to decide: release it or cancel it")


def _gate_blocks(kernel: str, gates: Gates) -> Iterator[Block]:
    if gates.paused_by is not None:
        yield Block("paused", f"{gates.paused_by} paused kernel {kernel}")
    if gates.capacity is not None and gates.held >= gates.capacity:
        yield Block("capacity", f"workers hold {gates.held} of {gates.capacity} tasks at a time")
    elif gates.share is not None:
        used = f"{gates.share.held} of a part of {_count(gates.share.part)}"
        yield Block(
            "quota", f"origin {gates.share.origin} holds {used}, and no more is free for it"
        )
    if gates.limit is not None and allowance(gates.limit, held=gates.limit_held) == 0:
        yield Block("limit", f"the limit of key {gates.limit_key} is used up")


def _relation_block(facts: Facts) -> Block:
    """What must end before; without any, the loop that sees it has only to come by."""
    named = ", ".join(f"{each.task_id} ({each.state})" for each in facts.blockers)
    if facts.state is State.WAITING:
        what = f"it depends on {named}" if named else "all that it depends on has succeeded"
        return Block("depends_on", what)
    end = f"it ends as {facts.ends_as} after"
    if facts.ends_as is State.SUCCEEDED:
        end = "its own work is done, and it ends after"
    return Block("children", f"{end} its children{f' {named}' if named else ''}")


def _worker_blocks(facts: Facts, *, silence: timedelta) -> Iterator[Block]:
    line = facts.line
    if line.kernel_asked_at is None:
        yield Block("no_worker", f"no worker has ever asked for tasks of kernel {facts.kernel}")
    elif facts.timing.now - line.kernel_asked_at > silence and line.kernel_held == 0:
        ago = _seconds((facts.timing.now - line.kernel_asked_at).total_seconds())
        yield Block(
            "no_worker", f"no worker has asked for tasks of kernel {facts.kernel} for {ago}"
        )


def _queue_blocks(line: Line) -> Iterator[Block]:
    if line.ahead:
        least = "" if line.ahead_is_exact else "at least "
        verb = "comes" if line.ahead == 1 else "come"
        yield Block("queue", f"{least}{_count(line.ahead)} of its tenant and origin {verb} first")


def _estimate(facts: Facts) -> datetime | None:
    """When its turn comes if its queue goes on as it did; None where that is not known."""
    line, now = facts.line, facts.timing.now
    if facts.state is not State.QUEUED:
        return facts.not_before
    if not line.recent_ends or line.recent_since is None:
        return None
    each = (now - line.recent_since) / line.recent_ends
    return now + each * line.ahead


def _standing(facts: Facts, blocks: tuple[Block, ...]) -> str:
    if facts.state in FINAL:
        return f"{facts.state} {_ended(facts)}"
    if facts.state in HELD:
        return f"{facts.state}: {_holding(facts)}"
    if blocks:
        return f"{facts.state}: {', and '.join(block.detail for block in blocks)}"
    held = _count(facts.line.kernel_held)
    return (
        f"{facts.state}: it is the next of its tenant and origin; workers hold {held} of the kernel"
    )


def _ended(facts: Facts) -> str:
    """What ended it."""
    tries = f"attempt {facts.attempt_number} of {facts.max_attempts}"
    match facts.state:
        case State.SUCCEEDED:
            return f"in {tries} on worker {facts.worker}"
        case State.EXPIRED:
            begun = "began it again" if facts.attempt_number else "began it"
            return f"because no worker {begun} before its deadline"
        case State.CANCELLED:
            return f"because {facts.cancel_reason or _canceller(facts)}"
        case _:
            return f"in {tries} on worker {facts.worker}: {_error(facts)}"


def _canceller(facts: Facts) -> str:
    return f"{facts.cancelled_by or 'somebody'} cancelled it"


def _holding(facts: Facts) -> str:
    tries = f"attempt {facts.attempt_number} of {facts.max_attempts}"
    held = f"worker {facts.worker} holds {tries}"
    if facts.cancelled_by is not None:
        held += f", which is to stop because {facts.cancel_reason or _canceller(facts)}"
    if facts.lease_until is not None:
        left = (facts.lease_until - facts.timing.now).total_seconds()
        held += (
            f", {_seconds(left)} of its lease are left" if left > 0 else ", its lease has run out"
        )
    if facts.started_at is not None and facts.state is State.RUNNING:
        passed = (facts.timing.now - facts.started_at).total_seconds()
        held += (
            f", it runs for {_seconds(passed)} of at most {_seconds(facts.timeout.total_seconds())}"
        )
    return held


def _begins(facts: Facts) -> str:
    """When nobody may begin it before; promoted a moment later."""
    at = facts.not_before or facts.timing.now
    left = (at - facts.timing.now).total_seconds()
    return f"its time is {at.isoformat(timespec='seconds')}, in {_seconds(left)}"


def _next_try(facts: Facts) -> str:
    left = (facts.not_before - facts.timing.now).total_seconds() if facts.not_before else 0
    when = f"in {_seconds(left)}" if left > 0 else "now"
    return f"attempt {facts.attempt_number + 1} of {facts.max_attempts} is due {when}"


def _error(facts: Facts) -> str:
    return f"{facts.error_class or 'an error'} ({facts.error_message or 'no message'})"


def _deadline(timing: Timing, sla: Sla) -> str:
    ended = timing.finished_at is not None
    left = (timing.deadline - (timing.finished_at or timing.now)).total_seconds()
    if sla is Sla.BREACHED:
        return f"it {'ended' if ended else 'is'} {_seconds(-left)} after its deadline"
    if ended:
        return f"it ended {_seconds(left)} before its deadline"
    risk = f", and tasks of its type take {_seconds(timing.usual)}" if sla is Sla.AT_RISK else ""
    return f"{_seconds(left)} are left until its deadline{risk}"


def _will_start(blocks: tuple[Block, ...]) -> bool:
    """Whether time alone brings its turn."""
    return {block.kind for block in blocks} <= {
        "queue",
        "run_at",
        "retry_wait",
        "capacity",
        "quota",
        "limit",
    }


def _count(tasks: int) -> str:
    return f"{tasks} task" if tasks == 1 else f"{tasks} tasks"


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0):.1f} s"
