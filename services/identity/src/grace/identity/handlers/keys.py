"""Issues component keys and shows the registry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace.contracts.identity import IssuedKey, IssueKey, ReadRegistry, RegisteredKey, Registry
from grace.contracts.subjects import SERVICES
from grace.identity.domain.keys import ComponentKey, Keep, Rotate, key_for
from grace.identity.domain.vault import Vault, VaultError
from grace.identity.handlers.records import record_keys
from grace.identity.settings import Settings
from grace.identity.store import Store
from grace.kit import (
    Called,
    Forbidden,
    Invalid,
    PublicKey,
    Runtime,
    SettingsError,
    SigningKey,
    Unit,
    new_id,
)  # fmt: skip
from grace.kit.sealing import seal
from grace.transparency import KEEPER

_OTHERS = 0o077


class Keyring:
    """Makes keys and opens them; the master key stays in here."""

    def __init__(self, settings: Settings, announce: type) -> None:
        """Read the master key; `announce` is the loop that tells of new keys."""
        self._settings = settings
        self._announce = announce
        try:
            self._vault = Vault(read_master_key(settings.master_key_file))
        except VaultError as error:
            raise SettingsError(f"{settings.master_key_file}: {error}") from None

    async def signing_key(self, component: str, unit: Unit) -> tuple[SigningKey, bytes]:
        """A component's key, made when there is none or it has expired; and its public half."""
        store = Store(unit.tx)
        await store.lock_component(component)
        match key_for(await store.active_key(component), now=await unit.now()):
            case Keep(key):
                private = await self._open(store, key)
            case Rotate(reason, previous):
                key, private = await self._make(store, component, reason, previous, unit)
                unit.after_commit(lambda: unit.runtime.wake(self._announce))
            case other:
                assert_never(other)
        return SigningKey(key.key_id, private, key.expires_at), key.public_key

    async def record(self, unit: Unit) -> None:
        """Tell the log of keys that it does not know: an older replica made them, or an operator ended one."""
        if await Store(unit.tx).has_unrecorded_keys():
            own, _ = await self.signing_key(KEEPER, unit)
            await self._record(own, unit)

    async def _record(self, signer: SigningKey, unit: Unit) -> None:
        store = Store(unit.tx)

        async def is_ours(key: ComponentKey) -> bool:
            if await self._made(store, key):
                return True
            unit.runtime.log.error("key.strange", key_id=key.key_id, component=key.component)
            return False

        await record_keys(store, signer, is_ours)

    async def _made(self, store: Store, key: ComponentKey) -> bool:
        """Whether the master key closed its private half: whoever can write the registry has no master key."""
        try:
            private = Ed25519PrivateKey.from_private_bytes(await self._open(store, key))
        except (VaultError, ValueError):
            return False
        return private.public_key().public_bytes_raw() == key.public_key

    def storage_key(self, component: str) -> bytes:
        """What a component encrypts with at rest."""
        return self._vault.storage_key(component)

    async def _try_master_key(self, store: Store) -> None:
        newest = await store.newest_private_key()
        if newest is not None:
            key_id, component, record = newest
            self._vault.open(record, key_id=key_id, component=component)

    async def _open(self, store: Store, key: ComponentKey) -> bytes:
        record = await store.private_key(key.key_id)
        if record is None:
            raise VaultError(f"the private half of key {key.key_id} is missing")
        return self._vault.open(record, key_id=key.key_id, component=key.component)

    async def _make(
        self, store: Store, component: str, reason: str, previous: str | None, unit: Unit
    ) -> tuple[ComponentKey, bytes]:
        """Persisted in the transaction that hands it out: a key in memory only would be lost.

        VaultError under another master key than the one that closed the other keys.
        """
        await self._try_master_key(store)
        keeper = await self._keeper(store, component, previous, unit)
        private = Ed25519PrivateKey.generate()
        raw, key_id = private.private_bytes_raw(), f"{component}-{new_id()}"
        suite = self._settings.cipher_suite
        key = await store.insert_key(
            key_id=key_id,
            component=component,
            public_key=private.public_key().public_bytes_raw(),
            record=self._vault.close(suite, raw, key_id=key_id, component=component),
            reason=reason,
            previous=previous,
            lifetime=self._settings.key_lifetime,
        )
        own = SigningKey(key_id, raw, key.expires_at)
        await self._record(keeper or own, unit)
        return key, raw

    async def _keeper(
        self, store: Store, component: str, previous: str | None, unit: Unit
    ) -> SigningKey | None:
        """Who tells the log of a new key: identity's key, before it ends; None for its very first."""
        if component != KEEPER:
            return (await self.signing_key(KEEPER, unit))[0]
        before = await store.active_key(KEEPER)
        if before is None or before.key_id != previous:
            return None
        return SigningKey(before.key_id, await self._open(store, before), before.expires_at)


class OwnKeys:
    """Identity's own key and registry: it asks its store, since nobody else could answer."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def issue(self, runtime: Runtime) -> SigningKey:
        """Identity's key. SettingsError when the master key does not open what is stored.

        At the start before anything is served, and every minute: the log knows all keys from then on.
        """
        try:
            async with runtime.unit() as unit:
                await self._keyring.record(unit)
                return (await self._keyring.signing_key(runtime.name, unit))[0]
        except VaultError as error:
            raise SettingsError(f"{error}; nothing was changed") from None

    async def registry(self, runtime: Runtime) -> Sequence[PublicKey]:
        """Every public key."""
        async with runtime.unit() as unit:
            keys = await Store(unit.tx).registry()
        return [PublicKey(k.key_id, k.component, k.public_key, k.status) for k in keys]


async def on_issue(keyring: Keyring, call: Called[IssueKey], unit: Unit) -> IssuedKey:
    """Seal a component's key to the asker; NATS lets only the component itself ask here."""
    component = call.subject.rsplit(".", 1)[-1]
    if component != call.body.component or component not in SERVICES:
        raise Forbidden("a service may ask for its own key only")
    key, public = await keyring.signing_key(component, unit)
    try:
        receiver = call.body.ephemeral_public_key
        sealed = seal(key.private_key, receiver=receiver, context=component)
        storage = seal(
            keyring.storage_key(component), receiver=receiver, context=f"{component}|storage"
        )
    except ValueError:
        raise Invalid("ephemeral_public_key is not an X25519 key") from None
    return IssuedKey(
        key_id=key.key_id,
        public_key=public,
        sealed_private_key=sealed.ciphertext,
        ephemeral_public_key=sealed.ephemeral_public_key,
        expires_at=key.expires_at,
        sealed_storage_key=storage.ciphertext,
        storage_ephemeral_public_key=storage.ephemeral_public_key,
    )


async def on_registry(_: Called[ReadRegistry], unit: Unit) -> Registry:
    """Every public key."""
    return Registry(keys=tuple(_registered(key) for key in await Store(unit.tx).registry()))


def _registered(key: ComponentKey) -> RegisteredKey:
    return RegisteredKey(
        key_id=key.key_id,
        component=key.component,
        public_key=key.public_key,
        status=key.status,
        created_at=key.created_at,
        expires_at=key.expires_at,
    )


def read_master_key(file: Path) -> str:
    """The master key's text. SettingsError unless the file is there, private and one's own."""
    path = file.expanduser()
    try:
        found = path.stat()
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"cannot read the master key file {path}: {reason}") from None
    if found.st_mode & _OTHERS:
        raise SettingsError(f"{path} can be read by others: chmod 600 {path}")
    if found.st_uid not in {os.geteuid(), 0}:
        raise SettingsError(f"{path} belongs to another user (uid {found.st_uid}): chown it")
    return text
