"""What an identity provider says of a person becomes a key: who it is, whose things are seen, what may be done."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from grace.gateway.domain.access import ADMIN, HOUSE_TENANT, PERSON_PATTERN, Key, Scope

_TENANT = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_PERSON = re.compile(PERSON_PATTERN)
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
# More than any provider's token: it comes in a head, with all the rest.
LONGEST_TOKEN = 8 * 1024
_SEGMENTS = 3


class ClaimError(Exception):
    """A token that is genuine names nobody who could be let in; says which claim is in the way."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Which claims say who somebody is, and what each role may do. A dot leads into an object."""

    principal: str
    tenant: str  # "": all are of the house's own tenant
    roles: str
    scopes: Mapping[str, Sequence[Scope]]


def is_signed_token(text: str) -> bool:
    """Whether a text has the form of a JSON Web Token (RFC 7519): three parts in base64url."""
    parts = text.split(".") if len(text) <= LONGEST_TOKEN else []
    return len(parts) == _SEGMENTS and all(_SEGMENT.fullmatch(part) for part in parts)


def key_of(said: Mapping[str, Any], claims: Claims) -> Key:
    """Return the key that a genuine token stands for. ClaimError where it names nobody."""
    principal, tenant = _principal(said, claims), _tenant(said, claims)
    return Key(
        key_id=f"jwt-{_digest(str(said['iss']), tenant, principal)}",
        tenant_id=tenant,
        principal=principal,
        name="identity provider",
        scopes=tuple(sorted(_scopes(said, claims))),
        created_by=str(said["iss"]),
        created_at=datetime.fromtimestamp(said["iat"], UTC),
        expires_at=datetime.fromtimestamp(said["exp"], UTC),
    )


def _principal(said: Mapping[str, Any], claims: Claims) -> str:
    """One name, one person, however it is spelt. Some letters become those of ASCII when they are made small."""
    found = _claim(said, claims.principal)
    name = found.lower() if isinstance(found, str) and found.isascii() else ""
    if not _PERSON.fullmatch(name):
        raise ClaimError(
            f"the claim {claims.principal} is no name of a person here (letters, digits and . _ : -)"
        )
    if name == ADMIN:
        raise ClaimError(f"the claim {claims.principal} says {ADMIN}, whose key lies in a file")
    return name


def _tenant(said: Mapping[str, Any], claims: Claims) -> str:
    if not claims.tenant:
        return HOUSE_TENANT
    found = _claim(said, claims.tenant)
    if not isinstance(found, str) or not _TENANT.fullmatch(found):
        raise ClaimError(f"the claim {claims.tenant} is no name of a tenant")
    return found


def _scopes(said: Mapping[str, Any], claims: Claims) -> set[str]:
    found = _claim(said, claims.roles)
    roles = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return {
        scope.value
        for role in roles
        if isinstance(role, str)
        for scope in claims.scopes.get(role, ())
    }


def _claim(said: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - whatever the provider says
    """Return a claim: by its whole name, or through objects at each dot."""
    if name in said:
        return said[name]
    found: Any = said
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
