"""Submitted intents: which are new, which came before, which contradict what came before."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from uuid import UUID

from grace.intent.domain.signal import MAX_DETAILS, MAX_MESSAGE, Signal, plain_text

SOURCE = "intent"  # what a rule sees as the source of a mission that an intent opened
ENDS = frozenset({
    "verified", "failed", "rolled_back", "rollback_failed", "inconclusive", "blocked", "rejected",
    "expired", "cancelled",
})  # fmt: skip
LISTED = ENDS | {"accepted", "planning", "running", "reopened"}
"""By what intents are listed: `reopened` are those that were verified and whose fault is back."""
# A rule for errors of some severity answers an intent that is as urgent.
SEVERITIES: Mapping[str, str] = MappingProxyType(
    {"low": "info", "normal": "warning", "high": "error", "critical": "critical"}
)


@dataclass(frozen=True, slots=True)
class Submission:
    """An intent as it was submitted; `id` names the signal that it becomes."""

    id: UUID
    tenant: str
    intent_id: str
    goal: str
    domain: str
    kind: str
    target: str | None
    priority: str
    sla_ms: int
    details: str | None
    requested_by: str
    idempotency_key: str | None
    submitted_at: datetime

    @property
    def body_hash(self) -> str:
        """Equal intents have equal hashes. Who asks is a part of it: nobody adopts another's."""
        body = [
            self.goal, self.domain, self.kind, self.target, self.priority, self.sla_ms,
            self.details, self.requested_by,
        ]  # fmt: skip
        return sha256(json.dumps(body).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """An intent that was accepted before."""

    tenant: str
    intent_id: str
    body_hash: str
    requested_by: str
    idempotency_key: str | None


class Outcome(StrEnum):
    """What a submission is."""

    NEW = "new"
    EXISTING = "existing"  # the same intent came before
    CONFLICT = "conflict"  # another intent has its id or its key
    IMPOSSIBLE = "impossible"  # nobody could take it as it is


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome; `reason` says what to do where it is refused."""

    outcome: Outcome
    reason: str = ""


def admit(submissions: Sequence[Submission], known: Iterable[Known]) -> list[Verdict]:
    """Judge each submission against what came before it, in this batch or earlier."""
    hashes, keys = {}, {}
    for each in known:
        hashes[each.tenant, each.intent_id] = each.body_hash
        keys[each.tenant, each.requested_by, each.idempotency_key] = each.intent_id
    verdicts = []
    for one in submissions:
        used = keys.get(_key(one)) if one.idempotency_key else None
        verdict = _judge(one, hashes.get((one.tenant, one.intent_id)), used)
        if verdict.outcome is Outcome.NEW:
            hashes[one.tenant, one.intent_id] = one.body_hash
            keys[_key(one)] = one.intent_id
        verdicts.append(verdict)
    return verdicts


def signal_of(submission: Submission) -> Signal:
    """Return the intent as the report that opens its mission or is counted on an open one."""
    return Signal(
        id=submission.id,
        tenant=submission.tenant,
        source=SOURCE,
        kind=submission.kind,
        target=submission.target,
        message=plain_text(submission.goal),
        severity=SEVERITIES[submission.priority],
        details=submission.details,
        requested_by=submission.requested_by,
        detected_at=submission.submitted_at,
        issued_at=submission.submitted_at,
        intent_id=submission.intent_id,
    )


def sla_met(
    status: str,
    *,
    closed_at: datetime | None,
    deadline: datetime,
    now: datetime,
    reopened: bool = False,
) -> bool | None:
    """Tell whether the goal was reached in time; None while it still may be.

    What a later look took back was not reached.
    """
    if status == "verified" and closed_at is not None and not reopened:
        return closed_at <= deadline
    return False if closed_at is not None or now > deadline else None


def _judge(one: Submission, hashed: str | None, used: str | None) -> Verdict:
    if problem := _problem(one):
        return Verdict(Outcome.IMPOSSIBLE, problem)
    if hashed is not None and hashed != one.body_hash:
        return Verdict(
            Outcome.CONFLICT,
            f"intent {one.intent_id} was submitted before with another body or by somebody else: "
            "take another intent_id for another intent",
        )
    if used is not None and used != one.intent_id:
        return Verdict(
            Outcome.CONFLICT,
            f"the idempotency key was used for intent {used}: take another key for this one",
        )
    return Verdict(Outcome.NEW if hashed is None else Outcome.EXISTING)


def _problem(one: Submission) -> str | None:
    if not 1 <= len(one.goal) <= MAX_MESSAGE:
        return f"goal: 1 to {MAX_MESSAGE} characters are needed"
    size = len((one.details or "").encode())
    if size > MAX_DETAILS:
        return f"details: {size} bytes of JSON, more than {MAX_DETAILS}"
    return None


def _key(one: Submission) -> tuple[str, str, str | None]:
    return one.tenant, one.requested_by, one.idempotency_key
