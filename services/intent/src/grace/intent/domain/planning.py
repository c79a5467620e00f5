"""Planning: which playbook answers a mission, and whether the workers could run it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Self, TypeAlias

from grace.intent.domain.condition import Condition, ConditionError, holds, literals
from grace.intent.domain.extraction import ExtractionError, resolve
from grace.intent.domain.mission import Mission
from grace.intent.domain.playbook import Call, Measure, Playbook, Step

MAX_REASON = 2_000  # characters
NO_TARGET = "it names no target: submit another intent that names a registered one"
_KERNEL = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TIERS = (1, 2, 3)
_LONGEST_RETRY = 60  # seconds


@dataclass(frozen=True, slots=True)
class Question:
    """What the workers are asked: could this operation run on this target?"""

    operation: str
    target: str
    params: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the workers said, and what the operation is."""

    valid: bool
    problems: tuple[str, ...]
    kernel: str
    tier: int
    reversible: bool
    observes_only: bool
    timeout_ms: int
    environment: str | None = None
    definition: str | None = None  # what the target stands for

    @classmethod
    def refusing(cls, reason: str) -> Self:
        """Return the answer to a question that could not even be read."""
        return cls(
            valid=False,
            problems=(reason,),
            kernel="",
            tier=0,
            reversible=False,
            observes_only=False,
            timeout_ms=0,
        )


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody answered; asking again later may help."""

    reason: str


# What stands against playbooks, by their names.
Obstacles: TypeAlias = tuple[tuple[str, str], ...]
# Learning's bound without any outcome: the 5 % quantile of Beta(1, 1).
_UNTRIED = 0.05

Answers: TypeAlias = Mapping[Question, Answer | Silence]


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The playbooks whose rule holds, best first.

    `doubts` are what stands against a plan already now, `answered` the kinds that have a playbook.
    `others` do not fit, `scores` is what learning knows of those that do.
    """

    playbooks: tuple[Playbook, ...]
    doubts: tuple[str, ...]
    answered: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadyStep:
    """A step that the workers can run, with what they know about its two operations."""

    step: Step
    action: Answer
    measurement: Answer
    measures: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan can be written."""

    playbook: Playbook
    target: str
    steps: tuple[ReadyStep, ...]
    obstacles: Obstacles = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Blocked:
    """No playbook can answer; asking again would not help."""

    reason: str
    obstacles: Obstacles = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Postponed:
    """It is not known yet whether a playbook can answer."""

    reason: str
    obstacles: Obstacles = field(default=(), compare=False)


Decision: TypeAlias = Ready | Blocked | Postponed


def shortlist(
    mission: Mission, playbooks: Sequence[Playbook], details: str | None = None
) -> Shortlist:
    """Return the playbooks that may answer the mission, by priority, then by name.

    Their parameters are filled in from `details`, the evidence of the mission's first report.
    """
    if mission.over_at is not None:
        over = f"it was over by itself at {mission.over_at:%H:%M:%S} UTC, before a plan stood"
        return Shortlist((), (over,))
    if mission.target is None:
        return Shortlist((), (NO_TARGET,))
    facts = _facts(mission, mission.target)
    found: list[Playbook] = []
    doubts: list[str] = []
    others: list[str] = []
    for playbook in playbooks:
        try:
            if holds(playbook.trigger.condition, facts):
                found.append(resolve(playbook, details, mission.target))
            else:
                others.append(playbook.name)
        except ConditionError as failure:
            doubts.append(f"the rule of {playbook.name} has no answer: {failure}")
        except ExtractionError as failure:
            doubts.append(f"{playbook.name}: {failure}")
    answered = () if found else kinds_answered(playbooks, facts)
    return Shortlist(rank(found, {}), tuple(doubts), answered, tuple(sorted(others)))


def kinds_answered(playbooks: Iterable[Playbook], facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the kinds that a rule names and would answer, everything else being as it is."""
    named = {
        (kind, playbook.trigger.condition)
        for playbook in playbooks
        for kind in literals(playbook.trigger.condition)
    }
    return tuple(sorted({kind for kind, rule in named if _answers(rule, {**facts, "kind": kind})}))


def is_contested(candidates: Shortlist) -> bool:
    """Tell whether the best two have the same priority, so that their records decide."""
    first_two = candidates.playbooks[:2]
    return len({playbook.trigger.priority for playbook in first_two}) < len(first_two)


def rank(playbooks: Iterable[Playbook], scores: Mapping[str, float]) -> tuple[Playbook, ...]:
    """Order by priority, then by the proven record (higher is better), then by name."""
    return tuple(
        sorted(playbooks, key=lambda one: (-one.trigger.priority, -proven(one, scores), one.name))
    )


def proven(playbook: Playbook, scores: Mapping[str, float]) -> float:
    """What is proven of a playbook, 0 to 1: one that failed comes behind one that nobody tried."""
    return scores.get(playbook.name, _UNTRIED)


def questions(playbooks: Iterable[Playbook], target: str) -> frozenset[Question]:
    """Return everything that must be known before one of these playbooks can be planned."""
    steps = [step for playbook in playbooks for step in playbook.steps]
    return frozenset(
        _question(call, target) for step in steps for call in (step.action, step.measurement)
    ) | frozenset(_besides(each, target) for step in steps for each in step.measures)


def decide(mission: Mission, candidates: Shortlist, answers: Answers) -> Decision:
    """Take the best playbook that can run.

    Where a better one is still in doubt because nobody answers, nothing is decided: an outage
    must not choose the second best.
    """
    obstacles: list[tuple[str, str]] = []
    target = mission.target or ""  # without one there is no candidate
    for playbook in candidates.playbooks:
        steps = [_ready_step(step, target, answers) for step in playbook.steps]
        if all(isinstance(step, ReadyStep) for step in steps):
            ready = tuple(step for step in steps if isinstance(step, ReadyStep))
            return Ready(playbook, target, ready, tuple(obstacles))
        if blocked := [step.reason for step in steps if isinstance(step, Blocked)]:
            obstacles.append((playbook.name, "; ".join(blocked)))
        else:
            silent = next(step for step in steps if isinstance(step, Postponed))
            obstacles.append((playbook.name, silent.reason))
            return Postponed(_clip(f"{playbook.name}: {silent.reason}"), tuple(obstacles))
    against = [*candidates.doubts, *(f"{name}: {reason}" for name, reason in obstacles)]
    reason = "; ".join(against) or _unanswered(mission.kind, candidates.answered)
    return Blocked(_clip(reason), tuple(obstacles))


def retry_after(attempt: int) -> timedelta:
    """Return how long the next attempt waits: 1 s, 2 s, 4 s .. 60 s."""
    return timedelta(seconds=min(1 << min(attempt - 1, 10), _LONGEST_RETRY))


def _facts(mission: Mission, target: str) -> dict[str, str]:
    return {
        "kind": mission.kind,
        "severity": mission.severity,
        "source": mission.source,
        "target": target,
        "tenant": mission.tenant_id,
    }


def _answers(condition: Condition, facts: Mapping[str, str]) -> bool:
    try:
        return holds(condition, facts)
    except ConditionError:
        return False


def _unanswered(kind: str, answered: Sequence[str]) -> str:
    """Say what would have been answered, by the domain that a kind begins with."""
    domains = groupby(answered, key=lambda each: each.partition(".")[0])
    known = [f"domain {domain} has one for {', '.join(kinds)}" for domain, kinds in domains]
    return f"no playbook answers {kind}; {'; '.join(known) or 'none is for a kind by its name'}"


def _ready_step(step: Step, target: str, answers: Answers) -> ReadyStep | Blocked | Postponed:
    action = answers[_question(step.action, target)]
    measurement = answers[_question(step.measurement, target)]
    besides = [answers[_besides(each, target)] for each in step.measures]
    problems = [
        *_problems(step.action, action, observing=False),
        *_problems(step.measurement, measurement, observing=True),
    ]
    for each, answer in zip(step.measures, besides, strict=True):
        wrong = _problems(each.call, answer, observing=True)
        problems += [f"measure {each.name}: {problem}" for problem in wrong]
    if problems:
        return Blocked("; ".join(problems))
    match action, measurement:
        case (Silence() as silence, _) | (_, Silence() as silence):
            return Postponed(silence.reason)
        case Answer(), Answer():
            known = tuple(each for each in besides if isinstance(each, Answer))
            silent = [each.reason for each in besides if isinstance(each, Silence)]
            return Postponed(silent[0]) if silent else ReadyStep(step, action, measurement, known)


def _problems(call: Call, answer: Answer | Silence, *, observing: bool) -> Sequence[str]:
    """Return what is wrong for certain; silence is not wrong."""
    if isinstance(answer, Silence):
        return ()
    if not answer.valid or answer.problems:
        return [f"{call.operation}: {what}" for what in answer.problems or ("it is not valid",)]
    if observing and not answer.observes_only:
        return [f"{call.operation}: it does not only observe, so it cannot measure"]
    if not observing and answer.observes_only:
        return [f"{call.operation}: it only observes, so it changes nothing"]
    if answer.timeout_ms < 1 or (not observing and not _is_described(answer)):
        return [f"{call.operation}: the worker does not say what it is"]
    return ()


def _is_described(answer: Answer) -> bool:
    return _KERNEL.fullmatch(answer.kernel) is not None and answer.tier in _TIERS


def _question(call: Call, target: str) -> Question:
    return Question(call.operation, target, call.params)


def _besides(measure: Measure, target: str) -> Question:
    return _question(measure.call, measure.place or target)


def _clip(reason: str) -> str:
    return reason if len(reason) <= MAX_REASON else reason[: MAX_REASON - 1] + "\u2026"
