"""Who asks: the key behind a token, what it may do, and how its questions are passed on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request, params
from fastapi.security import APIKeyHeader, HTTPBearer, SecurityScopes
from starlette.datastructures import QueryParams, State
from starlette.types import Scope as HttpScope

from grace.contracts.message import Message, Query
from grace.gateway.api.cursors import Seal
from grace.gateway.api.envelope import Envelope, Meta
from grace.gateway.api.limits import Limits
from grace.gateway.api.reports import Reports
from grace.gateway.api.sign_on import SignOn
from grace.gateway.api.submissions import Submissions
from grace.gateway.domain.access import Key, Scope, Standing, hash_of, is_token, standing
from grace.gateway.domain.sign_on import is_signed_token
from grace.gateway.settings import Settings
from grace.gateway.store import FoundKey, Store
from grace.kit import Forbidden, Gathering, Runtime, Unauthenticated, new_id

R = TypeVar("R", bound=Message)
T = TypeVar("T")

_BEARER = HTTPBearer(
    auto_error=False,
    description="An API key, `Authorization: Bearer grace_..`; or, where the house has an identity provider, its token (a JWT).",
)
_MOST_KEYS = 256
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same, without Bearer.")


class NoKey(Unauthenticated):
    """Give an API key as `Authorization: Bearer grace_..` or as `X-API-Key`, or a token of the house's identity provider."""


class UnknownKey(Unauthenticated):
    """This API key is unknown."""


class KeyExpired(Unauthenticated):
    """This API key has expired."""


class KeyRevoked(Unauthenticated):
    """This API key was revoked."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and the house that answers."""

    key: Key
    request_id: str
    runtime: Runtime
    settings: Settings
    submissions: Submissions
    reports: Reports
    seal: Seal
    limits: Limits
    sign_on: SignOn
    # For the owner's `idempotency_key`: a function of this key, this route and the header given.
    idempotency_key: str | None = None
    # What a repeat with the same Idempotency-Key has again; each owner names what is new after it.
    identity: UUID = field(default_factory=new_id)

    @property
    def tenant(self) -> str:
        """The tenant whose things the caller sees."""
        return self.key.tenant_id

    async def ask(self, query: Query[R], *, service: str = "") -> R:
        """Pass a question on to its owner, or to the service of this name. GraceError as that raised it."""
        timeout = self.settings.rpc_timeout.total_seconds()
        return await self.runtime.call(
            query, timeout=timeout, correlation_id=self.request_id, identity=self.identity,
            service=service,
        )  # fmt: skip

    def answer(self, data: T, *, next_cursor: str | None = None) -> Envelope[T]:
        """Put an answer into its envelope; its cursor is sealed."""
        next_cursor = self.seal.sealed(next_cursor) if next_cursor else None
        return Envelope[T](
            data=data, meta=Meta(request_id=self.request_id, next_cursor=next_cursor)
        )


async def authenticate(token: str, runtime: Runtime, sign_on: SignOn) -> Key:
    """Return the key of a token. Unauthenticated where it opens nothing."""
    if is_signed_token(token):
        return await sign_on.open(token)
    async with runtime.reading() as tx:
        found = await Store(tx).find_keys([hash_of(token)])
    return await opened(found.get(hash_of(token)), runtime)


def found_keys(runtime: Runtime) -> Gathering[bytes, FoundKey | None]:
    """What looks up the keys of all who come at once, in one statement; a revoked one opens nothing."""

    async def find(hashes: Sequence[bytes]) -> Sequence[FoundKey | None]:
        async with runtime.reading() as tx:
            found = await Store(tx).find_keys(sorted(set(hashes)))
        return [found.get(each) for each in hashes]

    return Gathering(runtime, find, most=_MOST_KEYS, weight=lambda _: 1)


async def opened(found: FoundKey | None, runtime: Runtime) -> Key:
    """Return the key that was found. Unauthenticated where it opens nothing."""
    if found is None:
        raise UnknownKey
    _refuse_closed(found)
    if found.to_be_noted:
        async with runtime.reading() as tx:
            await Store(tx).touch_key(found.key.key_id)
    return found.key


def needs(scope: Scope) -> params.Security:
    """Return the dependency of a route that only keys with this scope may use."""
    return params.Security(permitted, scopes=[scope.value])


def token_of(headers: Mapping[str, str]) -> str:
    """Return the token that a request carries. Unauthenticated where there is none."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    tokens = {headers.get("x-api-key", ""), bearer.strip() if scheme.lower() == "bearer" else ""}
    tokens.discard("")
    if not tokens:
        raise NoKey
    token = tokens.pop()
    if tokens or not (is_token(token) or is_signed_token(token)):
        raise UnknownKey
    return token


def _refuse_closed(found: FoundKey) -> None:
    match standing(found.key, now=found.now):
        case Standing.EXPIRED:
            raise KeyExpired
        case Standing.REVOKED:
            raise KeyRevoked
        case Standing.VALID:
            return


async def permitted(
    request: Request,
    scopes: SecurityScopes,
    _bearer: Annotated[object, Depends(_BEARER)],
    _header: Annotated[object, Depends(_HEADER)],
) -> Caller:
    """The door has found the key; here it must have the scope of the route."""
    return allowed(request.app.state, request.scope, scopes.scopes)


def allowed(house: State, scope: HttpScope, scopes: Sequence[str]) -> Caller:
    """Who came through the door, by what the door has noted of the request; Forbidden without a scope."""
    state: Mapping[str, Any] = scope["state"]
    key: Key = state["key"]
    missing = [each for each in scopes if each not in key.scopes]
    if missing:
        raise Forbidden(f"This API key lacks the scope {missing[0]}.")
    caller = Caller(
        key,
        state["request_id"],
        house.runtime,
        house.settings,
        house.submissions,
        house.reports,
        Seal(house.cursor_key, key.tenant_id, scope["path"]),
        house.limits,
        house.sign_on,
        state.get("idempotency_key"),
        state.get("identity") or new_id(),
    )
    query = scope["query_string"]
    if query and (cursor := QueryParams(query).get("cursor")) is not None:
        caller.seal.check(cursor)
    return caller
