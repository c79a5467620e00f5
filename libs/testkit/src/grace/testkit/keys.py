"""The keys of a house in which identity does not run: real ones, known to all, made once a session."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace.contracts.subjects import SERVICES
from grace.kit import PublicKey, Runtime, SigningKey, new_id

_LIFETIME = timedelta(days=1)
_STORAGE_KEY_BYTES = 32


class HandedOut:
    """Gives every service its own key, as identity would, without asking for it over NATS."""

    def __init__(self) -> None:
        self._until = datetime.now(UTC) + _LIFETIME
        self._private = {name: Ed25519PrivateKey.generate() for name in SERVICES}
        self._ids = {name: f"{name}-{new_id()}" for name in SERVICES}
        self._storage = {name: secrets.token_bytes(_STORAGE_KEY_BYTES) for name in SERVICES}

    async def issue(self, runtime: Runtime) -> SigningKey:
        """The service's own key."""
        name = runtime.name
        private = self._private[name].private_bytes_raw()
        return SigningKey(self._ids[name], private, self._until, self._storage[name])

    async def registry(self, _: Runtime) -> Sequence[PublicKey]:
        """The public keys of all services."""
        return [
            PublicKey(self._ids[name], name, key.public_key().public_bytes_raw(), "active")
            for name, key in self._private.items()
        ]


@cache
def handed_out() -> HandedOut:
    """The keys of this session."""
    return HandedOut()
