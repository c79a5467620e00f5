"""Tries plans out: the same decisions as for real, with nothing stored and nothing told."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from grace.contracts import intent as wire
from grace.contracts.worker import PreviewAction
from grace.intent.domain.consideration import Considered, considered
from grace.intent.domain.lifecycle import State
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import Decision, Ready, decide, questions, shortlist
from grace.intent.domain.playbook import Playbook
from grace.intent.planner.asking import Workers, ranked
from grace.kit import GraceError, Runtime

_PATIENCE = 10.0  # seconds for one operation's look at the world
_WORD = {"Ready": "plan", "Blocked": "block", "Postponed": "doubt"}


@dataclass(frozen=True, slots=True)
class Tried:
    """What would be decided for a mission, and why."""

    mission: Mission
    decision: Decision
    considered: tuple[Considered, ...]

    @property
    def word(self) -> str:
        """The decision as others read it."""
        return _WORD[type(self.decision).__name__]

    @property
    def playbook(self) -> Playbook | None:
        """The one that would be taken."""
        return self.decision.playbook if isinstance(self.decision, Ready) else None

    @property
    def reason(self) -> str | None:
        """Why there would be no plan."""
        return None if isinstance(self.decision, Ready) else self.decision.reason


def imagined(
    *, tenant: str, kind: str, target: str | None, source: str, severity: str, requested_by: str
) -> Mission:
    """Return a mission that nobody captured."""
    at = datetime.now(UTC)
    return Mission(
        mission_id="mission-imagined",
        tenant_id=tenant,
        signal_id="",
        fingerprint="",
        source=source,
        kind=kind,
        target=target,
        message="",
        severity=severity,
        requested_by=requested_by,
        detected_at=at,
        captured_at=at,
        signal_count=1,
        state=State.CAPTURED,
        attempt=0,
        plan=None,
        plan_hash=None,
        reason=None,
        blocked_at=None,
        intent_id=None,
    )


def instead(playbooks: Sequence[Playbook], other: Playbook | None) -> list[Playbook]:
    """Return the playbooks with one more, or in place of the one of its name."""
    if other is None:
        return list(playbooks)
    return [*(one for one in playbooks if one.name != other.name), other]


async def try_out(
    runtime: Runtime,
    workers: Workers,
    missions: Iterable[tuple[Mission, str | None]],
    playbooks: Sequence[Playbook],
) -> list[Tried]:
    """Decide for each mission, with the evidence of its first report, as if it came now."""
    fresh = [(replace(one, over_at=None), details) for one, details in missions]
    found = [(one, shortlist(one, playbooks, details)) for one, details in fresh]
    work = await ranked(runtime, found)
    asked = (q for one, short in work for q in questions(short.playbooks, one.target or ""))
    answers = await workers.answers(runtime, asked)
    decided = [(one, short, decide(one, short, answers)) for one, short in work]
    return [Tried(one, how, considered(short, how)) for one, short, how in decided]


async def preview(runtime: Runtime, tried: Tried, *, look: bool) -> wire.Preview:
    """Return what would be decided; with `look`, each operation says what it would change."""
    playbook = tried.playbook
    return wire.Preview(
        decision=tried.word,
        playbook=playbook.name if playbook else None,
        playbook_version=playbook.version if playbook else None,
        reason=tried.reason,
        considered=tuple(
            wire.Considered(playbook=one.playbook, chosen=one.chosen, reason=one.reason)
            for one in tried.considered
        ),
        steps=await _steps(runtime, tried.decision, look=look),
    )


async def _steps(
    runtime: Runtime, decision: Decision, *, look: bool
) -> tuple[wire.PreviewStep, ...]:
    if not isinstance(decision, Ready):
        return ()
    steps = [
        wire.PreviewStep(
            operation=each.step.action.operation,
            target=decision.target,
            params=each.step.action.params,
            tier=each.action.tier,
            reversible=each.action.reversible,
            planned=False,
        )
        for each in decision.steps
    ]
    return tuple(await asyncio.gather(*(_looked(runtime, one) for one in steps)) if look else steps)


async def _looked(runtime: Runtime, step: wire.PreviewStep) -> wire.PreviewStep:
    question = PreviewAction(operation=step.operation, target=step.target, params=step.params)
    try:
        reply = await runtime.call(question, timeout=_PATIENCE)
    except GraceError as failure:
        return step.model_copy(update={"planned": True, "problems": (failure.detail,)})
    changes = tuple(
        wire.PreviewChange(resource=one.resource, before=one.before, after=one.after)
        for one in reply.changes
    )
    return step.model_copy(update={"planned": True, "changes": changes, "problems": reply.problems})
