"""A mission as intent keeps it: what was captured, and what was decided about it."""

from dataclasses import dataclass
from datetime import datetime

from grace.intent.domain.lifecycle import State


@dataclass(frozen=True, slots=True)
class Mission:
    """One mission from intent's side.

    `target` is None where an intent names none, `intent_id` where an error opened it. `plan` is set
    once planned, `blocked_at` once blocked; `reason` tells why it is blocked, why a plan is still
    owed, or why it ended so. `hold` is why its plan waits, `held_until` for how long, `released_at` when somebody let it go on,
    `over_at` when its reporter said that the error is over, `last_issued_at` when its last report was sent.
    """

    mission_id: str
    tenant_id: str
    signal_id: str
    fingerprint: str
    source: str
    kind: str
    target: str | None
    message: str
    severity: str
    requested_by: str
    detected_at: datetime
    captured_at: datetime
    signal_count: int
    state: State
    attempt: int
    plan: bytes | None
    plan_hash: str | None
    reason: str | None
    blocked_at: datetime | None
    intent_id: str | None
    hold: str | None = None
    released_at: datetime | None = None
    over_at: datetime | None = None
    last_issued_at: datetime | None = None
    held_until: datetime | None = None
