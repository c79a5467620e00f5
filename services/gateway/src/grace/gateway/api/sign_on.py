"""Tokens of the house's identity provider (OpenID Connect): checked here, with the provider's public keys."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import jwt

from grace.gateway.domain.access import Key
from grace.gateway.domain.sign_on import ClaimError, Claims, key_of
from grace.gateway.settings import Settings
from grace.kit import Runtime, SettingsError, Unauthenticated

# By the kind of key, never by what a token says: a public key is no secret for HS256, and "none" signs nothing.
_ALGORITHMS: Final = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
_SHORTEST_RSA = 2048
_LEEWAY_SECONDS = 30  # clocks of two houses
_LARGEST_KEYS = 256 * 1024
_PATIENCE_SECONDS = 5.0
# A key that is not known may be new; who makes up names of keys must not make us ask at each.
_ASK_AGAIN_SECONDS = 30.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_UNANSWERED = (httpx.HTTPError, httpx.InvalidURL)
# What reading a token may end with, whatever somebody made of it.
_UNREADABLE = (jwt.PyJWTError, ClaimError, OverflowError, TypeError, ValueError, RecursionError)


class BadToken(Unauthenticated):
    """This token of the identity provider opens nothing."""


class ProviderKeys:
    """The public keys of the provider, by their ids; read anew when a token names one that is not there."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self._source = settings.oidc_keys
        self._refresh_seconds = settings.oidc_refresh.total_seconds()
        self._runtime = runtime
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = -_ASK_AGAIN_SECONDS
        self._turn = asyncio.Lock()

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return a key; None where the provider has none of this id, or cannot be asked."""
        if self._is_due(known=key_id in self._keys):
            async with self._turn:
                if self._is_due(known=key_id in self._keys):
                    await self._read()
        return self._keys.get(key_id)

    def _is_due(self, *, known: bool) -> bool:
        after = self._refresh_seconds if known else _ASK_AGAIN_SECONDS
        return time.monotonic() - self._read_at >= after

    async def _read(self) -> None:
        """Take the keys of now; those of before stay where there is no answer."""
        self._read_at = time.monotonic()
        try:
            self._keys = _usable(json.loads(await self._fetch()))
        except (OSError, ValueError, RecursionError, jwt.PyJWTError, *_UNANSWERED) as error:
            self._runtime.log.warning("sign_on.no_keys", reason=f"{type(error).__name__}: {error}")

    async def _fetch(self) -> bytes:
        if not self._source.startswith(("https://", "http://")):
            return await asyncio.to_thread(Path(self._source).read_bytes)
        # The machine's authorities, a house's own among them, and not those that a library brings.
        trusted = await asyncio.to_thread(ssl.create_default_context)
        async with httpx.AsyncClient(
            timeout=_PATIENCE_SECONDS, trust_env=False, verify=trusted
        ) as client:
            answer = await client.get(self._source)
        answer.raise_for_status()
        if len(answer.content) > _LARGEST_KEYS:
            raise ValueError(f"more than {_LARGEST_KEYS} bytes of keys")
        return answer.content


class SignOn:
    """Opens tokens of the provider. Without one in the settings it opens none."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self._settings = settings
        self._keys = ProviderKeys(settings, runtime)
        self._claims = Claims(
            principal=settings.oidc_principal_claim,
            tenant=settings.oidc_tenant_claim,
            roles=settings.oidc_roles_claim,
            scopes=settings.oidc_roles,
        )

    async def open(self, token: str) -> Key:
        """Return the key that a token stands for. BadToken says why it stands for none."""
        if not self._settings.oidc_issuer:
            raise BadToken("There is no identity provider here: give an API key.")
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            found = await self._keys.find(key_id) if isinstance(key_id, str) else None
            if found is None:
                raise BadToken(
                    "This token is signed with a key that its provider does not publish."
                )
            return key_of(self._claims_in(token, found), self._claims)
        except _UNREADABLE as error:
            raise BadToken(f"This token opens nothing: {error}") from None

    def _claims_in(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key.key,
            algorithms=_ALGORITHMS[str(key.key_type)],
            audience=self._settings.oidc_audience,
            issuer=self._settings.oidc_issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud"]},
        )


def refuse_unfit_provider(settings: Settings) -> None:
    """SettingsError where the settings of the provider do not fit together."""
    if not settings.oidc_issuer:
        return
    for name in ("oidc_audience", "oidc_keys"):
        if not getattr(settings, name):
            raise SettingsError(
                f"GRACE_GATEWAY_{name.upper()} is not set: tokens of {settings.oidc_issuer} could not be checked"
            )
    place = urlsplit(settings.oidc_keys)
    if place.scheme == "http" and place.hostname not in _LOOPBACK:
        raise SettingsError(
            "GRACE_GATEWAY_OIDC_KEYS is not https: whoever stands in between could sign tokens"
        )


def _usable(found: Any) -> Mapping[str, jwt.PyJWK]:  # noqa: ANN401 - JSON of somebody else
    """Return the public keys that may sign, by id. PyJWKSetError where there is no set of keys."""
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise jwt.PyJWKSetError("no JSON Web Key Set")
    keys = filter(None, map(_key_of, listed))
    return {key.key_id: key for key in keys if key.key_id is not None}


def _key_of(told: Any) -> jwt.PyJWK | None:  # noqa: ANN401 - JSON of somebody else
    """Return a key for signatures; None for all others, which a provider may publish beside them."""
    if (
        not isinstance(told, dict)
        or told.get("kty") not in _ALGORITHMS
        or told.get("use", "sig") != "sig"
    ):
        return None
    try:
        key = jwt.PyJWK.from_dict(told)
    except jwt.PyJWTError:
        return None
    size = getattr(key.key, "key_size", _SHORTEST_RSA)
    return None if key.key_type == "RSA" and size < _SHORTEST_RSA else key
