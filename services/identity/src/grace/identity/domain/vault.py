"""Private keys at rest: a data key per record, wrapped by the master key, bound to its row."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_BYTES = 32
_SHORTEST_MASTER_KEY = 16


class VaultError(Exception):
    """The master key does not open this record: another master key made it, or it was altered."""


@dataclass(frozen=True, slots=True)
class Record:
    """A private key as it is stored."""

    suite: str
    wrapped_key: bytes
    ciphertext: bytes


class Vault:
    """Encrypts with the master key's text; the same text opens what it closed."""

    def __init__(self, master_key: str) -> None:
        if len(master_key) < _SHORTEST_MASTER_KEY:
            raise VaultError(f"the master key has fewer than {_SHORTEST_MASTER_KEY} characters")
        self._master_key = master_key
        self._wrapping = _derive(master_key, b"grace/master/wrap/v1")
        self._fernet = Fernet(
            base64.urlsafe_b64encode(_derive(master_key, b"grace/master/fernet/v1"))
        )

    def storage_key(self, component: str) -> bytes:
        """Return the key for what a component encrypts at rest: the same under the same master key."""
        return _derive(self._master_key, b"grace/master/storage/v1|" + component.encode())

    def close(self, suite: str, private_key: bytes, *, key_id: str, component: str) -> Record:
        """Encrypt a private key for its row."""
        if suite == "fernet":
            return Record(suite, b"", self._fernet.encrypt(private_key))
        data_key = os.urandom(_KEY_BYTES)
        row = _associated(key_id, component)
        wrapped = _encrypt(self._wrapping, data_key, b"wrap|" + row)
        return Record(suite, wrapped, _encrypt(data_key, private_key, b"key|" + row))

    def open(self, record: Record, *, key_id: str, component: str) -> bytes:
        """Decrypt a private key. VaultError when the master key or the row is another."""
        row = _associated(key_id, component)
        try:
            if record.suite == "fernet":
                return self._fernet.decrypt(record.ciphertext)
            data_key = _decrypt(self._wrapping, record.wrapped_key, b"wrap|" + row)
            return _decrypt(data_key, record.ciphertext, b"key|" + row)
        except (InvalidTag, InvalidToken, ValueError):
            raise VaultError(f"the master key does not open key {key_id} of {component}") from None


def _derive(master_key: str, info: bytes) -> bytes:
    return HKDF(SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(master_key.encode())


def _associated(key_id: str, component: str) -> bytes:
    """Binds a ciphertext to its row: copied into another row it opens for nobody."""
    return f"grace/v1|crypto_key_store|{component}|{key_id}|sign".encode()


def _encrypt(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated)


def _decrypt(key: bytes, data: bytes, associated: bytes) -> bytes:
    return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], associated)
