"""API keys: who stands behind one, whether it still opens the door, and which doors."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PREFIX = "grace_"
# 256 random bits in base64url.
_SHORTEST = len(PREFIX) + 43
# The key whose token lies in the operator's file.
ADMIN_KEY = "key-admin-file"
# Who that token belongs to: nobody else is given a key of this name.
ADMIN = "admin"
# One name, one person: small letters only.
PERSON_PATTERN = r"^[a-z0-9][a-z0-9._:-]{0,127}$"
# The tenant of those who run the house: what is all tenants' together is theirs to read and to set.
HOUSE_TENANT = "default"


class Scope(StrEnum):
    """What a key may be used for."""

    APPROVALS_BREAK_GLASS = "approvals:break-glass"
    APPROVALS_DECIDE = "approvals:decide"
    APPROVALS_READ = "approvals:read"
    APPROVERS_WRITE = "approvers:write"
    BASELINES_READ = "baselines:read"
    BASELINES_WRITE = "baselines:write"
    ERRORS_WRITE = "errors:write"
    EVENTS_READ = "events:read"
    GOVERNANCE_READ = "governance:read"
    GOVERNANCE_WRITE = "governance:write"
    FREEZES_READ = "freezes:read"
    FREEZES_WRITE = "freezes:write"
    HEALTH_READ = "health:read"
    HOLDS_READ = "holds:read"
    HOLDS_RELEASE = "holds:release"
    HTM_READ = "htm:read"
    HTM_WRITE = "htm:write"
    INTENTS_READ = "intents:read"
    INTENTS_WRITE = "intents:write"
    KEYS_ADMIN = "keys:admin"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    KNOWLEDGE_READ = "knowledge:read"
    KNOWLEDGE_WRITE = "knowledge:write"
    LEARNING_READ = "learning:read"
    LOG_READ = "log:read"
    MISSIONS_DECIDE = "missions:decide"
    MISSIONS_READ = "missions:read"
    OBSERVABILITY_READ = "observability:read"
    PLAYBOOKS_READ = "playbooks:read"
    PLAYBOOKS_WRITE = "playbooks:write"
    QUARANTINE_READ = "quarantine:read"
    QUARANTINE_WRITE = "quarantine:write"


class Standing(StrEnum):
    """Whether a key opens the door."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its token, which nobody keeps."""

    key_id: str
    tenant_id: str
    principal: str
    name: str
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    rate_limit: int | None = None  # Requests a second; 0 is no limit, None is the gateway's own.


def hash_of(token: str) -> bytes:
    """What is kept of a token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def is_token(text: str) -> bool:
    """Whether a text can be a token at all."""
    return text.startswith(PREFIX) and len(text) >= _SHORTEST and text.isascii()


def standing(key: Key, *, now: datetime) -> Standing:
    """Whether a key opens the door now."""
    if key.revoked_at is not None:
        return Standing.REVOKED
    if key.expires_at is not None and now >= key.expires_at:
        return Standing.EXPIRED
    return Standing.VALID


def beyond(wanted: Collection[str], own: Collection[str]) -> list[str]:
    """The scopes that somebody would hand on without having them."""
    return sorted(set(wanted) - set(own))


def may_make_for(principal: str, maker: Key) -> bool:
    """Whether somebody may make a key for this person: for oneself, or with `keys:admin`.

    Approvals count persons. Who could make keys for others at will would be as many as needed.
    """
    if principal == maker.principal:
        return True
    return Scope.KEYS_ADMIN in maker.scopes and principal != ADMIN
