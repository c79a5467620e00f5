"""Plans for captured errors: picks the playbook, asks the workers, writes the plan down."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from grace.contracts import intent as wire
from grace.contracts.learning import GetSummary
from grace.contracts.worker import ValidateAction
from grace.intent.domain.document import parse_playbook
from grace.intent.domain.intent import Intent
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
from grace.intent.store import Store
from grace.kit import GraceError, Runtime, Unit, new_id
from grace.kit.errors import Kind

# The question itself is to blame; anything else may be different later.
_FINAL = frozenset({Kind.INVALID, Kind.TOO_LARGE, Kind.NOT_FOUND, Kind.CONFLICT})


class Plan:
    """Gives every captured error its plan, or the reason why there is none."""

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
            store, settings = Store(unit.tx), self._settings
            due = await store.claim_captured(most=settings.plan_batch, lease=settings.plan_lease)
            playbooks = self._compile(await store.active_playbooks()) if due else []
        if not due:
            return False
        work = [(intent, shortlist(intent, playbooks)) for intent in due]
        work = await _ranked(runtime, work)
        answers = await self._ask(runtime, work)
        async with runtime.unit() as unit:
            # In the order in which the intake locks them, or the two would wait for each other.
            for intent, candidates in sorted(work, key=lambda pair: pair[0].fingerprint):
                await _settle(unit, intent, candidates, answers)
        return len(due) == self._settings.plan_batch

    def _compile(self, sources: Iterable[bytes]) -> list[Playbook]:
        """Parse each text once; texts that are no longer in force are forgotten."""
        known = self._compiled
        self._compiled = {each: known.get(each) or parse_playbook(each) for each in sources}
        return list(self._compiled.values())

    async def _ask(self, runtime: Runtime, work: Sequence[tuple[Intent, Shortlist]]) -> Answers:
        """Ask everything that the batch needs, each question once."""
        asked = list(
            frozenset().union(*(questions(c.playbooks, intent.target) for intent, c in work))
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
    runtime: Runtime, work: Sequence[tuple[Intent, Shortlist]]
) -> list[tuple[Intent, Shortlist]]:
    """Let the record decide where two playbooks have the same priority."""
    tenants = {intent.tenant_id for intent, candidates in work if is_contested(candidates)}
    scores = {tenant: await _scores(runtime, tenant) for tenant in sorted(tenants)}
    return [
        (intent, Shortlist(rank(found.playbooks, scores.get(intent.tenant_id, {})), found.doubts))
        for intent, found in work
    ]


async def _scores(runtime: Runtime, tenant: str) -> Mapping[str, float]:
    """Return each playbook's proven share of successes; empty when learning is silent."""
    try:
        summary = await runtime.call(GetSummary(tenant_id=tenant))
    except GraceError as failure:
        runtime.log.warning("plan.unscored", tenant=tenant, reason=failure.detail)
        return {}
    return {record.playbook: record.lower_bound for record in summary.playbooks}


async def _settle(unit: Unit, intent: Intent, candidates: Shortlist, answers: Answers) -> None:
    """Write the decision down and tell it; a stale attempt changes and tells nothing."""
    store = Store(unit.tx)
    told: wire.ActionPlanned | wire.PlanningBlocked | None = None
    match decide(intent, candidates, answers):
        case Ready() as ready:
            document = _document(intent, ready, await unit.now()).to_bytes()
            plan_hash = sha256(document).hexdigest()
            if await store.finish_plan(intent, ready.playbook, document, plan_hash):
                told = _planned(intent, document, plan_hash)
        case Blocked(reason):
            if await store.block_plan(intent, reason):
                told = _blocked(intent, reason)
        case Postponed(reason):
            await store.postpone_plan(intent, reason, retry_after(intent.attempt))
            unit.runtime.log.warning("plan.postponed", mission_id=intent.mission_id, reason=reason)
    if told is not None:
        unit.publish(told, tenant=intent.tenant_id, correlation_id=intent.mission_id)


def _planned(intent: Intent, document: bytes, plan_hash: str) -> wire.ActionPlanned:
    return wire.ActionPlanned(
        mission_id=intent.mission_id,
        tenant_id=intent.tenant_id,
        plan_hash=plan_hash,
        plan=document,
    )


def _blocked(intent: Intent, reason: str) -> wire.PlanningBlocked:
    return wire.PlanningBlocked(
        mission_id=intent.mission_id, tenant_id=intent.tenant_id, reason=reason
    )


def _document(intent: Intent, ready: Ready, now: datetime) -> wire.Plan:
    actions = [_action(intent, place, step) for place, step in enumerate(ready.steps)]
    return wire.Plan(
        mission_id=intent.mission_id,
        tenant_id=intent.tenant_id,
        playbook=ready.playbook.name,
        playbook_version=ready.playbook.version,
        kind=intent.kind,
        target=intent.target,
        requested_by=intent.requested_by,
        planned_at=now,
        detected_at=intent.detected_at,
        actions=tuple(actions),
    )


def _action(intent: Intent, place: int, ready: ReadyStep) -> wire.PlannedAction:
    call = ready.step.action
    return wire.PlannedAction(
        action_id=f"action-{new_id()}",
        sequence=place,
        operation=call.operation,
        kernel=ready.action.kernel,
        target=intent.target,
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
        measurement=_measurement(intent.target, ready),
    )


def _measurement(target: str, ready: ReadyStep) -> wire.Measurement:
    return wire.Measurement(
        operation=ready.step.measurement.operation,
        target=target,
        params=ready.step.measurement.params,
        timeout_ms=ready.measurement.timeout_ms,
    )
