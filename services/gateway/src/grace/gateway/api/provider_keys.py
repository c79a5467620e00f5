"""The public keys of the house's identity provider: read before they are needed, and again while it is away."""

from __future__ import annotations

import asyncio
import json
import math
import ssl
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import jwt

from grace.gateway.settings import Settings
from grace.kit import Runtime, Unavailable

# By the kind of key, never by what a token says: a public key is no secret for HS256, and "none" signs nothing.
ALGORITHMS: Final = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
_SHORTEST_RSA = 2048
_LARGEST_KEYS = 256 * 1024
_PATIENCE_SECONDS = 5.0
# A key that is not known may be new; who makes up names of keys must not make us ask at each.
_ASK_AGAIN_SECONDS = 30.0
_UNREAD = (
    OSError, ValueError, RecursionError, jwt.PyJWTError, httpx.HTTPError, httpx.InvalidURL,
)  # fmt: skip


class ProviderAway(Unavailable):
    """The identity provider does not say which keys are its own; try again later."""

    retry_after = int(_ASK_AGAIN_SECONDS)


class ProviderKeys:
    """The public keys of the provider, by their ids; read anew when a token names one that is not there."""

    def __init__(self, settings: Settings) -> None:
        self._source = settings.oidc_keys
        self._refresh_seconds = settings.oidc_refresh.total_seconds()
        self._outage_seconds = settings.oidc_outage.total_seconds()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        # Of the monotonic clock, when it last answered and when it was last asked.
        self._read_at = self._asked_at = -math.inf
        self._is_away = False
        self._turn = asyncio.Lock()

    async def tick(self, runtime: Runtime) -> timedelta:
        """Read them where that is due, whether or not anybody comes with a token; return when it is again."""
        if not self._source:
            return timedelta(seconds=self._refresh_seconds)
        await self._read_if_due(runtime, known=True)
        return timedelta(seconds=self._left(known=True))

    async def find(self, key_id: str, runtime: Runtime) -> jwt.PyJWK | None:
        """Return a key; None where the provider publishes none of this id. ProviderAway where nobody can tell."""
        known = key_id in self._keys
        # While it is away those who have a key do not wait for it: the loop asks.
        if not (known and self._is_away):
            await self._read_if_due(runtime, known=known)
        key = self._keys.get(key_id)
        if self._is_away and (key is None or self._age() >= self._outage_seconds):
            raise ProviderAway
        return key

    async def _read_if_due(self, runtime: Runtime, *, known: bool) -> None:
        """Whoever comes meanwhile waits for the answer to the one who asks."""
        if not self._left(known=known):
            async with self._turn:
                if not self._left(known=known):
                    await self._read(runtime)

    def _left(self, *, known: bool) -> float:
        """Return the seconds until they are to be read again; 0 where that is due."""
        pause = self._refresh_seconds if known and not self._is_away else _ASK_AGAIN_SECONDS
        return max(0.0, self._asked_at + pause - time.monotonic())

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    async def _read(self, runtime: Runtime) -> None:
        """Take the keys of now; those of before stay where there is no answer."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                self._keys = _usable(json.loads(await self._fetch()))
        except _UNREAD as error:
            self._is_away = True
            self._complain(runtime, error)
        else:
            self._is_away = False
            self._read_at = time.monotonic()
            runtime.complaints.pop("sign_on", None)
        self._asked_at = time.monotonic()

    def _complain(self, runtime: Runtime, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        runtime.log.warning("sign_on.no_keys", source=self._source, reason=reason)
        runtime.complaints["sign_on"] = [
            (
                "the keys of the identity provider (GRACE_GATEWAY_OIDC_KEYS) cannot be read, so new tokens may"
                f" open nothing: {reason}"
            )
        ]

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
        or told.get("kty") not in ALGORITHMS
        or told.get("use", "sig") != "sig"
    ):
        return None
    try:
        key = jwt.PyJWK.from_dict(told)
    except jwt.PyJWTError:
        return None
    size = getattr(key.key, "key_size", _SHORTEST_RSA)
    return None if key.key_type == "RSA" and size < _SHORTEST_RSA else key
