"""Plans for missions: picks the playbook, asks the workers, writes the plan down."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from grace.contracts import intent as wire
from grace.contracts.learning import GetSummary
from grace.contracts.worker import ValidateAction
from grace.intent.domain.document import parse_playbook
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import (
    Answer,
    Answers,
    Blocked,
    Postponed,
    Question,
    Ready,
    ReadyStep,
    Shortlist,
    Silence,
    decide,
    is_contested,
    questions,
    rank,
    retry_after,
    shortlist,
)
from grace.intent.domain.playbook import Playbook
from grace.intent.loops.load import LoadPlaybooks
from grace.intent.settings import Settings
from grace.intent.store import Missions, Playbooks
from grace.kit import GraceError, Runtime, Unit, new_id
from grace.kit.errors import Kind

# The question itself is to blame; anything else may be different later.
_FINAL = frozenset({Kind.INVALID, Kind.TOO_LARGE, Kind.NOT_FOUND, Kind.CONFLICT})


class Plan:
    """Gives every mission its plan, or the reason why there is none."""

    def __init__(self, settings: Settings, library: LoadPlaybooks) -> None:
        """Plan with what the library has loaded; before that, nothing is decided."""
        self._settings = settings
        self._library = library
        self._compiled: dict[bytes, Playbook] = {}

    async def tick(self, runtime: Runtime) -> bool:
        """Claim what is due, ask the workers outside the transaction, then write it down."""
        if not self._library.loaded:
            return False
        async with runtime.unit() as unit:
            due = await Missions(unit.tx).claim_captured(
                most=self._settings.plan_batch, lease=self._settings.plan_lease
            )
            playbooks = self._compile(await Playbooks(unit.tx).active()) if due else []
        if not due:
            return False
        work = [(mission, shortlist(mission, playbooks)) for mission in due]
        work = await _ranked(runtime, work)
        answers = await self._ask(runtime, work)
        async with runtime.unit() as unit:
            # In the order in which the intake locks them, or the two would wait for each other.
            for mission, candidates in sorted(work, key=lambda pair: pair[0].fingerprint):
                await _settle(unit, mission, candidates, answers)
        return len(due) == self._settings.plan_batch

    def _compile(self, sources: Iterable[bytes]) -> list[Playbook]:
        """Parse each text once; texts that are no longer in force are forgotten."""
        known = self._compiled
        self._compiled = {each: known.get(each) or parse_playbook(each) for each in sources}
        return list(self._compiled.values())

    async def _ask(self, runtime: Runtime, work: Sequence[tuple[Mission, Shortlist]]) -> Answers:
        """Ask everything that the batch needs, each question once."""
        asked = list(
            frozenset().union(
                *(questions(c.playbooks, mission.target or "") for mission, c in work)
            )
        )
        timeout = self._settings.validate_timeout.total_seconds()
        answers = await asyncio.gather(*(_ask(runtime, one, timeout) for one in asked))
        return dict(zip(asked, answers, strict=True))


async def _ask(runtime: Runtime, question: Question, timeout: float) -> Answer | Silence:
    request = ValidateAction(
        operation=question.operation, target=question.target, params=question.params
    )
    try:
        reply = await runtime.call(request, timeout=timeout)
    except GraceError as failure:
        if failure.kind in _FINAL:
            return Answer.refusing(failure.detail)
        return Silence(failure.detail)
    return Answer(
        valid=reply.valid,
        problems=reply.problems,
        kernel=reply.kernel,
        tier=reply.tier,
        reversible=reply.reversible,
        observes_only=reply.observes_only,
        timeout_ms=reply.timeout_ms,
    )


async def _ranked(
    runtime: Runtime, work: Sequence[tuple[Mission, Shortlist]]
) -> list[tuple[Mission, Shortlist]]:
    """Let the record decide where two playbooks have the same priority."""
    tenants = {mission.tenant_id for mission, candidates in work if is_contested(candidates)}
    scores = {tenant: await _scores(runtime, tenant) for tenant in sorted(tenants)}
    return [
        (
            mission,
            replace(found, playbooks=rank(found.playbooks, scores.get(mission.tenant_id, {}))),
        )
        for mission, found in work
    ]


async def _scores(runtime: Runtime, tenant: str) -> Mapping[str, float]:
    """Return each playbook's proven share of successes; empty when learning is silent."""
    try:
        summary = await runtime.call(GetSummary(tenant_id=tenant))
    except GraceError as failure:
        runtime.log.warning("plan.unscored", tenant=tenant, reason=failure.detail)
        return {}
    return {record.playbook: record.lower_bound for record in summary.playbooks}


async def _settle(unit: Unit, mission: Mission, candidates: Shortlist, answers: Answers) -> None:
    """Write the decision down and tell it; a stale attempt changes and tells nothing."""
    store = Missions(unit.tx)
    told: wire.ActionPlanned | wire.PlanningBlocked | None = None
    match decide(mission, candidates, answers):
        case Ready() as ready:
            document = _document(mission, ready, await unit.now()).to_bytes()
            plan_hash = sha256(document).hexdigest()
            if await store.finish_plan(mission, ready.playbook, document, plan_hash):
                told = _planned(mission, document, plan_hash)
        case Blocked(reason):
            if await store.block_plan(mission, reason):
                told = _blocked(mission, reason)
        case Postponed(reason):
            await store.postpone_plan(mission, reason, retry_after(mission.attempt))
            unit.runtime.log.warning("plan.postponed", mission_id=mission.mission_id, reason=reason)
    if told is not None:
        unit.publish(told, tenant=mission.tenant_id, correlation_id=mission.mission_id)


def _planned(mission: Mission, document: bytes, plan_hash: str) -> wire.ActionPlanned:
    return wire.ActionPlanned(
        mission_id=mission.mission_id,
        tenant_id=mission.tenant_id,
        plan_hash=plan_hash,
        plan=document,
    )


def _blocked(mission: Mission, reason: str) -> wire.PlanningBlocked:
    return wire.PlanningBlocked(
        mission_id=mission.mission_id, tenant_id=mission.tenant_id, reason=reason
    )


def _document(mission: Mission, ready: Ready, now: datetime) -> wire.Plan:
    actions = [_action(ready.target, place, step) for place, step in enumerate(ready.steps)]
    return wire.Plan(
        mission_id=mission.mission_id,
        tenant_id=mission.tenant_id,
        playbook=ready.playbook.name,
        playbook_version=ready.playbook.version,
        kind=mission.kind,
        target=ready.target,
        requested_by=mission.requested_by,
        planned_at=now,
        detected_at=mission.detected_at,
        actions=tuple(actions),
    )


def _action(target: str, place: int, ready: ReadyStep) -> wire.PlannedAction:
    call = ready.step.action
    return wire.PlannedAction(
        action_id=f"action-{new_id()}",
        sequence=place,
        operation=call.operation,
        kernel=ready.action.kernel,
        target=target,
        params=call.params,
        params_hash=sha256(call.params.encode()).hexdigest(),
        tier=ready.action.tier,
        reversible=ready.action.reversible,
        timeout_ms=ready.action.timeout_ms,
        expectations=tuple(
            wire.Expectation(
                field=each.field,
                comparison=wire.ExpectationComparison(each.comparison),
                value=each.value,
            )
            for each in ready.step.expectations
        ),
        measurement=_measurement(target, ready),
    )


def _measurement(target: str, ready: ReadyStep) -> wire.Measurement:
    return wire.Measurement(
        operation=ready.step.measurement.operation,
        target=target,
        params=ready.step.measurement.params,
        timeout_ms=ready.measurement.timeout_ms,
    )
