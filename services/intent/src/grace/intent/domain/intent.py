"""An intent as it is stored: what was captured, and what was decided about it."""

from dataclasses import dataclass
from datetime import datetime

from grace.intent.domain.lifecycle import State


@dataclass(frozen=True, slots=True)
class Intent:
    """One mission from intent's side.

    `plan` is set once planned, `blocked_at` once blocked; `reason` tells why it is blocked, or
    why a plan is still owed.
    """

    mission_id: str
    tenant_id: str
    signal_id: str
    fingerprint: str
    source: str
    kind: str
    target: str
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
