"""Intents come in: from the gateway by request, from anybody over the bus."""

from collections.abc import Sequence
from datetime import datetime

from grace.contracts.hunter import cleaned, cleaned_json
from grace.contracts.intent import (
    Intent,
    IntentAccepted,
    IntentSubmit,
    IntentSubmitPriority,
    SubmitIntent,
)
from grace.intent.domain.intent import Outcome, Submission, Verdict, admit, signal_of
from grace.intent.domain.signal import Intake, group_signals, one_line
from grace.intent.handlers.capture import capture, principal, written
from grace.intent.metrics import count_secrets
from grace.intent.settings import Settings
from grace.intent.store import Intents
from grace.kit import Called, Conflict, GraceError, Invalid, Received, Unit, new_id


class CannotAccept(Invalid):
    """An intent is not as it must be."""


class IntentConflict(Conflict):
    """Another intent has this id or this idempotency key."""


async def on_submit_intent(
    settings: Settings, planner: type, calls: Sequence[Called[SubmitIntent]], unit: Unit
) -> Sequence[Intent | GraceError]:
    """Answer every submission that waits; all of them are one commit."""
    now = await unit.now()
    submissions = [_called(call, now) for call in calls]
    verdicts = await _take_in(settings, planner, submissions, unit)
    accepted = [
        (one.tenant, one.intent_id)
        for one, verdict in zip(submissions, verdicts, strict=True)
        if not verdict.reason
    ]
    found = await Intents(unit.tx).find(accepted) if accepted else {}
    return [
        _refusal(verdict) if verdict.reason else found[one.tenant, one.intent_id]
        for one, verdict in zip(submissions, verdicts, strict=True)
    ]


async def on_intent_submit(
    settings: Settings, planner: type, messages: Sequence[Received[IntentSubmit]], unit: Unit
) -> None:
    """Take in what came over the bus. Nobody waits for an answer: a conflict is quarantined."""
    now = await unit.now()
    submissions = [_received(message, settings, now) for message in messages]
    verdicts = await _take_in(settings, planner, submissions, unit)
    for message, verdict in zip(messages, verdicts, strict=True):
        match verdict.outcome:
            case Outcome.NEW:
                pass
            case Outcome.EXISTING:
                unit.count("duplicate", message)
            case Outcome.CONFLICT:
                unit.refuse(message, reason="intent_conflict", detail=verdict.reason)
            case Outcome.IMPOSSIBLE:
                unit.refuse(message, reason="cannot_accept", detail=verdict.reason)


async def _take_in(
    settings: Settings, planner: type, submissions: Sequence[Submission], unit: Unit
) -> list[Verdict]:
    """Keep what is new, each with the mission that it opens or follows."""
    store = Intents(unit.tx)
    await store.lock_intake()
    verdicts = admit(submissions, await store.known(submissions))
    new = [
        (one, signal_of(one))
        for one, verdict in zip(submissions, verdicts, strict=True)
        if verdict.outcome is Outcome.NEW
    ]
    if new:
        intake = Intake(fresh=group_signals(signal for _, signal in new), late=())
        missions = await capture(settings, intake, unit)
        accepted = [(one, missions[signal.fingerprint].mission_id) for one, signal in new]
        await store.insert(accepted)
        for one, mission_id in accepted:
            _tell(unit, one, mission_id)
        unit.after_commit(lambda: unit.runtime.wake(planner))
    return verdicts


def _tell(unit: Unit, one: Submission, mission_id: str) -> None:
    told = IntentAccepted(
        intent_id=one.intent_id,
        tenant_id=one.tenant,
        mission_id=mission_id,
        requested_by=one.requested_by,
        goal=one.goal,
        domain=one.domain,
        kind=one.kind,
        priority=one.priority,
        sla_ms=one.sla_ms,
        body_hash=one.body_hash,
        accepted_at=one.submitted_at,
        target=one.target,
    )
    unit.publish(told, tenant=one.tenant, correlation_id=mission_id)


def _refusal(verdict: Verdict) -> GraceError:
    refused = IntentConflict if verdict.outcome is Outcome.CONFLICT else CannotAccept
    return refused(verdict.reason)


def _called(call: Called[SubmitIntent], now: datetime) -> Submission:
    body = call.body
    return _submission(
        body.intent,
        tenant=body.tenant_id,
        requested_by=body.requested_by,
        idempotency_key=body.idempotency_key or None,
        now=now,
    )


def _received(message: Received[IntentSubmit], settings: Settings, now: datetime) -> Submission:
    return _submission(
        message.body, tenant=message.tenant, requested_by=principal(message, settings), now=now
    )


def _submission(
    body: IntentSubmit,
    *,
    tenant: str,
    requested_by: str,
    now: datetime,
    idempotency_key: str | None = None,
) -> Submission:
    given = body.priority or IntentSubmitPriority.unspecified
    normal = given is IntentSubmitPriority.unspecified
    secrets: list[str] = []
    goal = cleaned(body.goal, secrets, vague=False)
    details = cleaned_json(body.details, secrets, vague=False)
    count_secrets(secrets)
    return Submission(
        id=new_id(),
        tenant=tenant,
        intent_id=body.intent_id,
        goal=one_line(goal),
        domain=body.domain,
        kind=body.kind or body.domain,
        target=body.target,
        priority=(IntentSubmitPriority.normal if normal else given).value,
        sla_ms=body.sla_ms,
        details=written(details),
        requested_by=requested_by,
        idempotency_key=idempotency_key,
        submitted_at=now,
    )
