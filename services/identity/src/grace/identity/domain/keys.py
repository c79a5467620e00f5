"""When a component gets a new key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ComponentKey:
    """A registered key."""

    key_id: str
    component: str
    public_key: bytes
    status: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Keep:
    """The active key goes on."""

    key: ComponentKey


@dataclass(frozen=True, slots=True)
class Rotate:
    """A new key is needed; the previous one verifies only."""

    reason: str
    previous: str | None


def key_for(active: ComponentKey | None, *, now: datetime) -> Keep | Rotate:
    """The active key signs until it expires; none yet, or an expired one, means a new key."""
    if active is None:
        return Rotate("first", None)
    if active.expires_at <= now:
        return Rotate("expired", active.key_id)
    return Keep(active)
