"""Why a task stands where it stands: facts in, blocks and one sentence out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from grace.htm.domain.following import Ended
from grace.htm.domain.holdings import Holdings
from grace.htm.domain.lanes import MEDIUM_BYTES, PLAIN, SMALL_BYTES, Lane, Size
from grace.htm.domain.lifecycle import FINAL, HELD, State
from grace.htm.domain.limits import Limit, allowance
from grace.htm.domain.shares import Ledger, Shares, Usage, usages_of
from grace.htm.domain.sla import Sla, Timing, buffer_of, sla_of

_BEFORE_CLAIMS = frozenset({State.QUEUED, State.SCHEDULED, State.RETRYING})


@dataclass(frozen=True, slots=True)
class Line:
    """What a queued task waits behind, in its lane: nothing there is hidden behind another lane.

    `recent_ends` tasks of the lane that workers had begun ended since `recent_since`; `lane_held` they
    hold of it now, of all tenants.
    """

    ahead: int
    ahead_is_exact: bool
    kernel_held: int
    kernel_asked_at: datetime | None
    recent_ends: int
    recent_since: datetime | None
    lane_held: int = 0


@dataclass(frozen=True, slots=True)
class Gates:
    """What may be shut for a queued task; `held` counts all tasks that workers hold."""

    paused_by: str | None = None
    capacity: int | None = None
    held: int = 0
    limit_key: str | None = None
    limit: Limit | None = None
    limit_held: int = 0
    # What its origin holds of its part, where it may hold no more at present, or never any.
    share: Usage | None = None
    is_barred: bool = False


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
    lane: Lane = PLAIN
    contract_id: str | None = None
    deadline_at: datetime | None = None
    """Its own, after which nobody wants it; that of its service level is in `timing`."""
    expires_at: datetime | None = None

    def under(self, shares: Shares, held: Holdings) -> "Facts":
        """The same with what its origin may hold at this moment."""
        if Ledger(shares, held.queues).standing(self.origin) is not None:
            return self
        counts = {("", self.origin): 0} | dict(held.queues)
        (usage,) = [each for each in usages_of(shares, counts) if each.origin == self.origin]
        is_barred = usage.part == 0 and not shares.quota_of(self.origin).lends
        return replace(self, gates=replace(self.gates, share=usage, is_barred=is_barred))


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
    will_start = _will_start(blocks) and not facts.gates.is_barred
    estimate = _estimate(facts) if will_start else None
    sla = sla_of(facts.timing, facts.sla)
    told = f"{_standing(facts, blocks)}; {_deadline(facts.timing, sla)}."
    return Reason(told, blocks, sla, buffer_of(facts.timing), estimate)


def blocks_of(facts: Facts, *, silence: timedelta) -> Iterator[Block]:
    """Everything that keeps the task from going on."""
    if facts.state in _BEFORE_CLAIMS and facts.gates.paused_by is not None:
        yield Block("paused", f"{facts.gates.paused_by} paused kernel {facts.kernel}")
    if facts.state is State.QUEUED:
        yield from _gate_blocks(facts.gates)
        yield from _worker_blocks(facts, silence=silence)
        yield from _queue_blocks(facts.line)
    elif facts.state in {State.WAITING, State.JOINING}:
        yield _relation_block(facts)
    elif facts.state is State.SCHEDULED:
        yield Block("run_at", _begins(facts))
    elif facts.state is State.RETRYING:
        yield Block("retry_wait", f"{_next_try(facts)} after {_error(facts)}")
    elif facts.state is State.NEEDS_ATTENTION:
        yield Block("needs_attention", _decision(facts.contract_id))


def _decision(contract_id: str | None) -> str:
    """Who decides: a mission's task may not act behind its mission."""
    if contract_id is None:
        return "an operator has to decide: release it or cancel it"
    return f"it belongs to {contract_id}, which needs attention itself: its mission is decided on"


def _gate_blocks(gates: Gates) -> Iterator[Block]:
    if gates.capacity is not None and gates.held >= gates.capacity:
        yield Block("capacity", f"workers hold {gates.held} of {gates.capacity} tasks at a time")
    elif gates.is_barred and gates.share is not None:
        yield Block("quota", f"origin {gates.share.origin} has no part, and may not borrow")
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
    stop = f", which are to stop because {_stopped_by(facts)}" if facts.cancelled_by else ""
    return Block("children", f"{end} its children{f' {named}' if named else ''}{stop}")


def _worker_blocks(facts: Facts, *, silence: timedelta) -> Iterator[Block]:
    line = facts.line
    if line.kernel_asked_at is None:
        yield Block("no_worker", f"no worker has ever asked for tasks of kernel {facts.kernel}")
    elif facts.timing.now - line.kernel_asked_at > silence and line.kernel_held == 0:
        ago = _seconds((facts.timing.now - line.kernel_asked_at).total_seconds())
        yield Block(
            "no_worker", f"no worker has asked for tasks of kernel {facts.kernel} for {ago}"
        )
    needed = _needs(facts.lane)
    # What workers can do is not kept: only what they took tells.
    if needed and not line.recent_ends and not line.lane_held:
        yield Block("requires", f"it needs a worker {needed}, and none is known")


def _needs(lane: Lane) -> str:
    """What not every worker has."""
    least = {Size.MEDIUM: SMALL_BYTES, Size.LARGE: MEDIUM_BYTES}.get(lane.size)
    takes = f"that takes more than {least // 1024} KiB" if least is not None else ""
    words = f"with {', '.join(sorted(lane.requires))}" if lane.requires else ""
    return " ".join(filter(None, (words, takes)))


def _queue_blocks(line: Line) -> Iterator[Block]:
    if line.ahead:
        least = "" if line.ahead_is_exact else "at least "
        verb = "comes" if line.ahead == 1 else "come"
        yield Block(
            "queue", f"{least}{_count(line.ahead)} of its tenant, origin and lane {verb} first"
        )


def _estimate(facts: Facts) -> datetime | None:
    """When its turn comes if its queue goes on as it did; None where that is not known."""
    line, now = facts.line, facts.timing.now
    if facts.state is not State.QUEUED:
        return facts.not_before
    if not line.recent_ends or line.recent_since is None:
        return None
    each = (now - line.recent_since) / line.recent_ends
    ends = line.ahead + _ends_until_room(facts.gates)
    return now + max(each * ends, _until_earned(facts.gates.limit, line.ahead))


def _ends_until_room(gates: Gates) -> int:
    """How many have to end before the first in the line; more than one where less is allowed than is held."""
    ends = [0 if gates.share is None else 1]
    if gates.capacity is not None:
        ends.append(gates.held + 1 - gates.capacity)
    if gates.limit is not None and gates.limit.concurrency is not None:
        ends.append(gates.limit_held + 1 - gates.limit.concurrency)
    return max(ends)


def _until_earned(limit: Limit | None, ahead: int) -> timedelta:
    """How long until a bucket has earned tokens for a task and those before it."""
    if limit is None or limit.rate_per_second is None:
        return timedelta()
    return timedelta(seconds=max(0.0, (1 + ahead - limit.level) / limit.rate_per_second))


def _standing(facts: Facts, blocks: tuple[Block, ...]) -> str:
    if facts.state in FINAL:
        return f"{facts.state} {_ended(facts)}"
    if facts.state in HELD:
        return f"{facts.state}: {_holding(facts)}"
    if blocks:
        return f"{facts.state}: {', and '.join(block.detail for block in blocks)}"
    held = _count(facts.line.kernel_held)
    next_ = "it is the next of its tenant, origin and lane"
    return f"{facts.state}: {next_}; workers hold {held} of the kernel"


def _ended(facts: Facts) -> str:
    """What ended it."""
    tries = _attempt(facts.attempt_number, facts.max_attempts)
    match facts.state:
        case State.SUCCEEDED:
            return f"in {tries} on worker {facts.worker}"
        case State.EXPIRED:
            begun = "began it again" if facts.attempt_number else "began it"
            return f"because no worker {begun} before {_limit_of(facts)}"
        case State.CANCELLED:
            return f"because {_stopped_by(facts)}"
        case _:
            return f"in {tries} on worker {facts.worker}: {_error(facts)}"


def _attempt(number: int, most: int) -> str:
    """The attempt and how many there are; one that a person released comes on top of them."""
    return f"attempt {number} of {most}" if number <= most else f"attempt {number}"


def _limit_of(facts: Facts) -> str:
    """What ended its waiting: its own deadline, or that of its service level."""
    if facts.deadline_at is None or facts.expires_at != facts.deadline_at:
        return "its SLA deadline"
    return f"its own deadline_at, {facts.deadline_at.isoformat(timespec='seconds')}"


def _stopped_by(facts: Facts) -> str:
    return facts.cancel_reason or f"{facts.cancelled_by or 'somebody'} cancelled it"


def _holding(facts: Facts) -> str:
    tries = _attempt(facts.attempt_number, facts.max_attempts)
    held = f"worker {facts.worker} holds {tries}"
    if facts.cancelled_by is not None:
        held += f", which is to stop because {_stopped_by(facts)}"
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
    return f"{_attempt(facts.attempt_number + 1, facts.max_attempts)} is due {when}"


def _error(facts: Facts) -> str:
    return f"{facts.error_class or 'an error'} ({facts.error_message or 'no message'})"


def _deadline(timing: Timing, sla: Sla) -> str:
    ended = timing.finished_at is not None
    left = (timing.deadline - (timing.finished_at or timing.now)).total_seconds()
    if sla is Sla.BREACHED:
        return f"it {'ended' if ended else 'is'} {_seconds(-left)} after its SLA deadline"
    if ended:
        return f"it ended {_seconds(left)} before its SLA deadline"
    risk = f", and tasks of its type take {_seconds(timing.usual)}" if sla is Sla.AT_RISK else ""
    return f"{_seconds(left)} are left until its SLA deadline{risk}"


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
