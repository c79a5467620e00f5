"""API keys: made, listed, revoked. A token is shown once and kept by nobody."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain import access
from grace.gateway.domain.access import (
    ADMIN,
    ADMIN_KEY,
    PERSON_PATTERN,
    Scope,
    beyond,
    may_make_for,
)
from grace.gateway.settings import MOST_PER_SECOND
from grace.gateway.store import Store
from grace.kit import Conflict, Forbidden, Invalid, NotFound

router = APIRouter(prefix="/api/keys", tags=["keys"])

Reader = Annotated[Caller, needs(Scope.KEYS_READ)]
Writer = Annotated[Caller, needs(Scope.KEYS_WRITE)]
_LAST_YEAR = 2100


class UnknownKeyId(NotFound):
    """No such API key."""


class NewKey(BaseModel):
    """Who gets a key, and what for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "principal": "ada",
                "name": "Ada's laptop",
                "scopes": ["approvals:read", "approvals:decide", "missions:read"],
            }
        },
    )

    principal: str = Field(
        pattern=PERSON_PATTERN,
        description="Who acts with it. Approvals count people by this name: one name, one person.",
    )
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    name: str = Field(default="", max_length=200, description="Where it is used.")
    expires_at: AwareDatetime | None = Field(
        default=None, description="With a time zone; 90 days from now where absent."
    )
    rate_limit: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=MOST_PER_SECOND,
        description="Requests a second, 0 for no limit; the gateway's own limit where absent. "
        "Only the admin key may set it.",
    )


class KeyView(BaseModel):
    """An API key, without its token."""

    model_config = ConfigDict(from_attributes=True)

    key_id: str
    principal: str
    name: str
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None
    rate_limit: int | None = Field(description="Requests a second; null is the gateway's own.")


class MadeBefore(Conflict):
    """This key was made before, and is used or revoked: make another with a new Idempotency-Key."""


class MadeKey(KeyView):
    """A new API key, with its token for the only time."""

    token: str = Field(description="Keep it: it is not shown again.", examples=["grace_Zx9.."])


@router.post("", status_code=201, summary="Make an API key")
async def make_key(wanted: NewKey, caller: Writer) -> Envelope[MadeKey]:
    """Make a key of the caller's tenant, with scopes that the caller has too.

    For oneself; for anybody else with `keys:admin`. Nobody makes a key for the admin but the admin.
    """
    if not may_make_for(wanted.principal, caller.key):
        raise Forbidden(_for_oneself(wanted.principal, caller))
    if lacking := beyond(wanted.scopes, caller.key.scopes):
        raise Forbidden(f"You cannot give the scope {lacking[0]}, which you do not have.")
    if wanted.rate_limit is not None and caller.key.key_id != ADMIN_KEY:
        raise Forbidden("Only the admin key sets rate limits.")
    token = access.PREFIX + secrets.token_urlsafe(32)
    async with caller.runtime.reading() as tx:  # one statement needs no transaction around it
        key = await Store(tx).insert_key(
            f"key-{caller.identity}",
            access.hash_of(token),
            tenant_id=caller.tenant,
            principal=wanted.principal,
            name=wanted.name,
            scopes=sorted(set(wanted.scopes)),
            created_by=caller.key.principal,
            expires_at=_expiry(wanted.expires_at, caller),
            rate_limit=wanted.rate_limit,
        )
    if key is None:
        raise MadeBefore
    return caller.answer(MadeKey(**_shown(key), token=token))


@router.get("", summary="List API keys, newest first")
async def list_keys(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[KeyView, ...]]:
    """Return a page of the tenant's keys; tokens are kept by nobody."""
    before = id_before("keys", page.cursor)
    async with caller.runtime.reading() as tx:
        keys = await Store(tx).list_keys(caller.tenant, before=before, limit=page.limit)
    cursor = cursor_after("keys", [key.key_id for key in keys], page.limit)
    return caller.answer(tuple(KeyView.model_validate(key) for key in keys), next_cursor=cursor)


@router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
async def revoke_key(key_id: Id, caller: Writer) -> None:
    """Close a key for good, from the next request on."""
    async with caller.runtime.unit(correlation_id=caller.request_id) as unit:
        if not await Store(unit.tx).revoke_key(caller.tenant, key_id):
            raise UnknownKeyId


def _for_oneself(principal: str, caller: Caller) -> str:
    if principal == ADMIN:
        return f"A key for {ADMIN} is made by {ADMIN} alone."
    return (
        f"You are {caller.key.principal}, and make keys for yourself: one for {principal} needs the "
        f"scope {Scope.KEYS_ADMIN.value}."
    )


def _shown(key: access.Key) -> dict[str, Any]:
    return KeyView.model_validate(key).model_dump()


def _expiry(wanted: datetime | None, caller: Caller) -> datetime:
    now = datetime.now(UTC)
    if wanted is None:
        return now + caller.settings.key_lifetime
    if wanted <= now or wanted.year > _LAST_YEAR:
        raise Invalid(f"expires_at must lie between now and the year {_LAST_YEAR}.")
    return wanted
