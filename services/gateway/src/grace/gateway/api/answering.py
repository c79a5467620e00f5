"""Asks for all parts of an answer at once; what did not come in time is named, and the rest is told."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from grace.gateway.api import stories, surveys
from grace.gateway.api.asking import Asker, Source, Told
from grace.gateway.api.callers import Caller
from grace.gateway.domain.questions import Look, Topic
from grace.gateway.domain.quoting import line_of
from grace.kit import Forbidden, GraceError, NotFound, Unavailable, end_tasks
from grace.kit.database import TRANSIENT

State = Literal["told", "unknown", "forbidden", "unanswered"]
_LATE = "no answer came in time"
_FAILED = "something went wrong inside Grace; its log says what"

LOOKS: Mapping[Topic, Callable[[Asker, Look], Awaitable[Told]]] = {
    Topic.MISSION: stories.mission,
    Topic.PLAN: stories.plan,
    Topic.DECISION: stories.decision,
    Topic.LINE: stories.line,
    Topic.TASK: stories.task,
    Topic.INTENT: stories.intent,
    Topic.APPROVAL: stories.approval,
    Topic.CONTRACT: stories.contract,
    Topic.MISSIONS: surveys.many_missions,
    Topic.INTENTS: surveys.many_intents,
    Topic.TASKS: surveys.many_tasks,
    Topic.APPROVALS: surveys.many_approvals,
    Topic.TARGETS: surveys.held_targets,
    Topic.QUEUES: surveys.many_queues,
    Topic.HEALTH: surveys.whole_health,
    Topic.PLAYBOOKS: surveys.many_playbooks,
    Topic.HOLDS: surveys.held_plans,
    Topic.FREEZES: surveys.many_freezes,
    Topic.KILL_SWITCH: surveys.switch,
    Topic.BRAKE: surveys.braked,
    Topic.ALERTS: surveys.many_alerts,
    Topic.DEAD_LETTERS: surveys.dead_letters,
    Topic.KNOWLEDGE: surveys.passages,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one look, and what it is based on."""

    look: Look
    state: State
    told: Told
    sources: Sequence[Source] = ()


async def findings(
    caller: Caller, looks: Sequence[Look], *, within: timedelta, at_most: timedelta
) -> list[Finding]:
    """Look at everything at once. After `within` what is there is told, and after `at_most` nobody waits."""
    askers = [Asker(caller) for _ in looks]
    tasks = [
        asyncio.ensure_future(LOOKS[look.topic](asker, look))
        for asker, look in zip(askers, looks, strict=True)
    ]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=within.total_seconds())
    finally:
        late = {task for task in tasks if not task.done()}
        await _end(late, within=at_most - within)
    return [
        Finding(
            look, *(_UNANSWERED if task in late else _outcome(caller, look, task)), asker.sources
        )
        for look, task, asker in zip(looks, tasks, askers, strict=True)
    ]


async def _end(late: set[asyncio.Task[Told]], *, within: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            await end_tasks(late)


_UNANSWERED: tuple[State, Told] = ("unanswered", Told(_LATE))


def _outcome(caller: Caller, look: Look, task: asyncio.Task[Told]) -> tuple[State, Told]:
    """What a look ended in. No failure of a part is one of the whole: each is told in its place."""
    match task.exception():
        case None:
            return "told", task.result()
        case NotFound(detail=detail):
            return "unknown", Told(line_of(detail))
        case Forbidden(detail=detail):
            return "forbidden", Told(line_of(detail))
        case error if isinstance(error, TRANSIENT):
            return "unanswered", Told(Unavailable().detail)
        case GraceError(detail=detail):
            return "unanswered", Told(line_of(detail))
        case error:
            caller.runtime.log.error("chat.part_failed", topic=look.topic.value, exc_info=error)
            return "unanswered", Told(_FAILED)
