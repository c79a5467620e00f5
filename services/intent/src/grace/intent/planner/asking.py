"""Asks the workers what could run, and learning what has proven itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from time import monotonic

from grace.contracts.learning import GetSummary
from grace.contracts.worker import ListTargets
from grace.intent.domain.freeze import NOBODY_KNOWS, TargetClass
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import (
    Answer,
    Answers,
    Question,
    Shortlist,
    is_contested,
    rank,
)
from grace.intent.planner.validating import ask_all
from grace.kit import GraceError, Runtime

_MOST_KEPT = 10_000  # answers; beyond, the oldest go


class Workers:
    """What the workers say of operations. A yes is believed for a moment: they check again."""

    def __init__(self, *, timeout: timedelta, kept: timedelta) -> None:
        """Wait so long for an answer; believe a yes for so long."""
        self._timeout = timeout.total_seconds()
        self._kept = kept.total_seconds()
        self._answers: dict[Question, tuple[float, Answer]] = {}
        self._classes: Mapping[str, TargetClass] = NOBODY_KNOWS
        self._classes_at = float("-inf")

    async def answers(self, runtime: Runtime, questions: Iterable[Question]) -> Answers:
        """Ask everything that is not known, each question once."""
        now = monotonic()
        asked = dict.fromkeys(questions)
        known = {one: kept for one in asked if (kept := self._fresh(one, now)) is not None}
        missing = [one for one in asked if one not in known]
        new = await ask_all(runtime, missing, self._timeout)
        self._keep(new, now)
        return {**known, **new}

    async def classes(self, runtime: Runtime) -> Mapping[str, TargetClass]:
        """Return what the registered targets are; those of before where nobody answers."""
        now = monotonic()
        if now - self._classes_at >= self._kept:
            try:
                reply = await runtime.call(ListTargets(), timeout=self._timeout)
            except GraceError as failure:
                runtime.log.warning("targets.unknown", reason=failure.detail)
                return self._classes
            self._classes_at = now
            self._classes = {
                each.target: TargetClass(each.kind, each.environment) for each in reply.targets
            }
        return self._classes

    def _fresh(self, question: Question, now: float) -> Answer | None:
        at, answer = self._answers.get(question, (0.0, None))
        return answer if now - at < self._kept else None

    def _keep(self, found: Answers, now: float) -> None:
        """Only a yes: a no may be mended meanwhile, and somebody waits for that."""
        for question, answer in found.items():
            if isinstance(answer, Answer) and answer.valid:
                self._answers.pop(question, None)
                self._answers[question] = (now, answer)
        while len(self._answers) > _MOST_KEPT:
            self._answers.pop(next(iter(self._answers)))


async def ranked(
    runtime: Runtime, work: Sequence[tuple[Mission, Shortlist]]
) -> list[tuple[Mission, Shortlist]]:
    """Let the record decide where two playbooks have the same priority."""
    tenants = {mission.tenant_id for mission, candidates in work if is_contested(candidates)}
    scores = {tenant: await _scores(runtime, tenant) for tenant in sorted(tenants)}
    return [
        (
            mission,
            _by_record(found, scores.get(mission.tenant_id, {})),
        )
        for mission, found in work
    ]


def _by_record(found: Shortlist, scores: Mapping[str, float]) -> Shortlist:
    return replace(found, playbooks=rank(found.playbooks, scores), scores=scores)


async def _scores(runtime: Runtime, tenant: str) -> Mapping[str, float]:
    """Return each playbook's proven share of successes; empty when learning is silent."""
    try:
        summary = await runtime.call(GetSummary(tenant_id=tenant))
    except GraceError as failure:
        runtime.log.warning("plan.unscored", tenant=tenant, reason=failure.detail)
        return {}
    return {record.playbook: record.lower_bound for record in summary.playbooks}
