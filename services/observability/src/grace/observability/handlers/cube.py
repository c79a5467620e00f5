"""Loads the cube: what has happened is taken from the events every few minutes, and counted."""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from grace.contracts.governance import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRejected,
    ApprovalRequested,
)
from grace.contracts.htm import TasksFinished
from grace.contracts.intent import ActionPlanned, ErrorCaptured
from grace.contracts.message import Message
from grace.contracts.verification import ActionClosed
from grace.kit import Received, Stream, Unit
from grace.observability import metrics
from grace.observability.domain.cube import MISSION, PLAN, UNKNOWN, Fact
from grace.observability.handlers.wakes import Wakes
from grace.observability.settings import Settings
from grace.observability.store import (
    ActionFact,
    ApprovalFact,
    Loading,
    MissionFact,
    PlanFact,
    TaskFact,
)

_RESTS = "needs_attention"


@dataclass(frozen=True, slots=True)
class Step:
    """How one kind of event becomes facts: what it says, and who keeps it."""

    name: str
    read: Callable[[Any], Iterable[Any]]
    keep: Callable[[Loading, Sequence[Any]], Awaitable[int]]
    is_counted_on: bool = False  # read twice, it would count twice


def listen(stream: Stream, settings: Settings, wakes: Wakes) -> Stream:
    """Add what the cube is loaded from, as often as the settings say."""
    for model, step in _STEPS.items():
        handler = partial(_load, step, wakes)
        stream.on(model, handler, inbox=step.is_counted_on, every=settings.cube_interval)
    return stream


async def _load(step: Step, wakes: Wakes, messages: Sequence[Received[Any]], unit: Unit) -> None:
    """Facts, marks and the row about it are one transaction."""
    loading, read = Loading(unit.tx), len(messages)
    await loading.take_turn()
    written = await step.keep(loading, [fact for each in messages for fact in step.read(each)])
    times = [each.issued_at for each in messages]
    await loading.log(step.name, read=read, written=written, times=times)

    def committed() -> None:
        metrics.count_load(step.name, read=read)
        unit.runtime.wake(wakes.count)

    unit.after_commit(committed)


def _mission(message: Received[ErrorCaptured]) -> Iterable[MissionFact]:
    body = message.body
    yield MissionFact(body.tenant_id, body.mission_id, body.target, body.source, body.captured_at)


def _plan(message: Received[ActionPlanned]) -> Iterable[PlanFact]:
    body, plan = message.body, json.loads(message.body.plan)
    operations = [each["operation"] for each in plan["actions"]]
    yield PlanFact(
        tenant=body.tenant_id,
        mission_id=body.mission_id,
        playbook=plan["playbook"],
        operation=operations[0] if operations else UNKNOWN,
        actions=len(operations),
        planned_at=message.issued_at,
    )


def _action(message: Received[ActionClosed]) -> Iterable[ActionFact]:
    body = message.body
    yield ActionFact(
        tenant=body.tenant_id,
        contract_id=body.contract_id,
        revision=body.revision,
        mission_id=body.mission_id,
        service=body.target,
        playbook=body.playbook,
        operation=body.operation,
        verdict=body.verdict,
        executed=body.executed,
        confidence=body.confidence,
        closed_at=body.closed_at,
    )


def _tasks(message: Received[TasksFinished]) -> Iterable[TaskFact]:
    for task in message.body.tasks:
        # Its end is still to come, and is told then.
        if task.outcome == _RESTS:
            continue
        yield TaskFact(
            tenant=message.tenant,
            operation=task.type,
            origin=task.origin or UNKNOWN,
            outcome=task.outcome,
            attempts=task.attempts,
            total_ms=task.total_ms,
            ended_at=message.issued_at,
        )


def _requested(message: Received[ApprovalRequested]) -> Iterable[ApprovalFact]:
    body, at = message.body, message.issued_at
    yield ApprovalFact(
        body.tenant_id, body.approval_id, body.mission_id, "pending", body.tier, requested_at=at
    )


def _granted(message: Received[ApprovalGranted]) -> Iterable[ApprovalFact]:
    yield _decided("granted" if message.body.decided_by else "unattended", message)


def _rejected(message: Received[ApprovalRejected]) -> Iterable[ApprovalFact]:
    yield _decided("rejected", message)


def _expired(message: Received[ApprovalExpired]) -> Iterable[ApprovalFact]:
    yield _decided("expired", message)


def _decided(
    outcome: str,
    message: Received[ApprovalGranted] | Received[ApprovalRejected] | Received[ApprovalExpired],
) -> ApprovalFact:
    body, at = message.body, message.issued_at
    return ApprovalFact(body.tenant_id, body.approval_id, body.mission_id, outcome, decided_at=at)


_STEPS: dict[type[Message], Step] = {
    ErrorCaptured: Step(MISSION, _mission, Loading.missions),
    ActionPlanned: Step(PLAN, _plan, Loading.plans),
    ActionClosed: Step(Fact.ACTION, _action, Loading.actions),
    TasksFinished: Step(Fact.TASK, _tasks, Loading.tasks, is_counted_on=True),
    ApprovalRequested: Step(Fact.APPROVAL, _requested, Loading.approvals),
    ApprovalGranted: Step(Fact.APPROVAL, _granted, Loading.approvals),
    ApprovalRejected: Step(Fact.APPROVAL, _rejected, Loading.approvals),
    ApprovalExpired: Step(Fact.APPROVAL, _expired, Loading.approvals),
}
