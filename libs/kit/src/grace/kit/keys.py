"""A service's signing key and the public keys of all others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey as NaclKey
from nacl.signing import VerifyKey

from grace.contracts.identity import IssuedKey, IssueKey, ReadRegistry
from grace.kit.errors import Unavailable
from grace.kit.safe import Safe
from grace.kit.sealing import Opener, Sealed
from grace.transparency import pae

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

# Ids that identity did not know. Real ones cannot be guessed, so none of these becomes one.
_MOST_STRANGERS = 10_000


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key (32 raw bytes) under its public name."""

    key_id: str
    private_key: bytes
    expires_at: datetime
    # For what the service encrypts at rest; none where identity is older than that.
    storage_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A component's public Ed25519 key (32 raw bytes); status is active, retired or revoked."""

    key_id: str
    component: str
    public_key: bytes
    status: str


def is_signed(key: VerifyKey, signature: bytes, signed: bytes) -> bool:
    """Whether the key signed exactly this.

    By libsodium, which takes half of OpenSSL's time and refuses what OpenSSL refuses, and more (keys
    of small order): every message costs each of its readers one of these.
    """
    try:
        key.verify(signed, signature)
    except (BadSignatureError, ValueError):  # the other one: it is not 64 bytes long
        return False
    return True


class KeySource(Protocol):
    """Where a service's key and the registry come from."""

    async def issue(self, runtime: Runtime) -> SigningKey:
        """The service's own key, the same after every restart until it is rotated."""
        ...

    async def registry(self, runtime: Runtime) -> Sequence[PublicKey]:
        """Every public key that may be verified with."""
        ...


class IdentityKeys:
    """Asks identity: every service but identity itself does."""

    async def issue(self, runtime: Runtime) -> SigningKey:
        """Ask for the key sealed to a key pair made for this one answer."""
        opener = Opener()
        request = IssueKey(component=runtime.name, ephemeral_public_key=opener.public_key)
        issued = await runtime.call(request)
        sealed = Sealed(issued.ephemeral_public_key, issued.sealed_private_key)
        private = opener.open(sealed, context=runtime.name)
        storage = _storage_key(opener, issued, runtime.name)
        return SigningKey(issued.key_id, private, issued.expires_at, storage)

    async def registry(self, runtime: Runtime) -> Sequence[PublicKey]:
        """Ask for the registry."""
        answer = await runtime.call(ReadRegistry())
        return [PublicKey(k.key_id, k.component, k.public_key, k.status) for k in answer.keys]


def _storage_key(opener: Opener, issued: IssuedKey, component: str) -> bytes | None:
    if issued.sealed_storage_key is None or issued.storage_ephemeral_public_key is None:
        return None
    sealed = Sealed(issued.storage_ephemeral_public_key, issued.sealed_storage_key)
    return opener.open(sealed, context=f"{component}|storage")


class Keys:
    """Signs with the service's own key, verifies with registered keys only."""

    def __init__(self, runtime: Runtime, source: KeySource) -> None:
        self._runtime = runtime
        self._source = source
        self._signer: NaclKey | None = None
        self._public: dict[str, tuple[PublicKey, VerifyKey]] = {}
        self._strangers: set[str] = set()
        self._loading = asyncio.Lock()
        self.key_id = ""
        self._safe: Safe | None = None

    @property
    def loaded(self) -> bool:
        """Whether the service can sign."""
        return self._signer is not None

    @property
    def safe(self) -> Safe:
        """Encrypts what the service keeps. Unavailable while identity gives no key for it."""
        if self._safe is None:
            raise Unavailable("identity has given no storage key: upgrade identity first")
        return self._safe

    async def load(self) -> None:
        """Fetch the own key and the registry; again whenever a rotation may have happened."""
        own = await self._source.issue(self._runtime)
        self._signer = NaclKey(own.private_key)
        self.key_id = own.key_id
        self._safe = Safe(own.storage_key) if own.storage_key else None
        await self.read_registry()

    async def read_registry(self) -> None:
        """Fetch the public keys."""
        known = await self._source.registry(self._runtime)
        loaded = {k.key_id: (k, VerifyKey(k.public_key)) for k in known}
        self._public = loaded

    def unknown(self, key_ids: set[str]) -> set[str]:
        """Those that identity was not asked about yet."""
        return key_ids - self._public.keys() - self._strangers

    async def learn(self, key_ids: set[str]) -> None:
        """Ask for the registry when a key is unknown; Unavailable when identity cannot answer.

        A key that identity does not know either is asked about once: a flood of invented ids
        must not become a flood of questions.
        """
        if not self.unknown(key_ids):
            return
        async with self._loading:
            strangers = self.unknown(key_ids)
            if strangers:
                await self.read_registry()
                self._remember(strangers - self._public.keys())

    def _remember(self, strangers: set[str]) -> None:
        if len(self._strangers) + len(strangers) > _MOST_STRANGERS:
            self._strangers.clear()
        self._strangers |= strangers

    def sign(self, kind: str, *parts: bytes) -> bytes:
        """64 bytes of Ed25519 over the pre-authentication encoding of kind and parts."""
        if self._signer is None:
            raise RuntimeError("the service has no key yet")
        return self._signer.sign(pae(kind, *parts)).signature

    def verify(self, key_id: str, signature: bytes, kind: str, *parts: bytes) -> bool:
        """Whether a registered, unrevoked key signed exactly this."""
        entry = self._public.get(key_id)
        if entry is None or entry[0].status == "revoked":
            return False
        return is_signed(entry[1], signature, pae(kind, *parts))

    def component_of(self, key_id: str) -> str | None:
        """Whose key it is; None for a key that is not registered."""
        entry = self._public.get(key_id)
        return entry[0].component if entry else None
