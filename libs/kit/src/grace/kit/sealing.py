"""Seals a private key for one receiver: X25519, HKDF-SHA256, AES-256-GCM.

Both sides make a key pair for one answer, so that a recorded answer opens for nobody later.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_INFO = b"grace/key-issue/v1"
# The derived key encrypts one message and is thrown away: a fixed nonce repeats for no key.
_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext and the sender's half of the key agreement."""

    ephemeral_public_key: bytes
    ciphertext: bytes


class SealError(ValueError):
    """The sealed key does not open: it was made for another receiver or altered on the way."""


class Opener:
    """The receiver's side; its key pair lives as long as the object."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public_key: bytes = self._private.public_key().public_bytes_raw()

    def open(self, sealed: Sealed, *, context: str) -> bytes:
        """The plaintext. SealError when it was not sealed to this key and context."""
        try:
            sender = X25519PublicKey.from_public_bytes(sealed.ephemeral_public_key)
            shared = self._private.exchange(sender)
            key = _derive(shared, sealed.ephemeral_public_key, self.public_key)
            return AESGCM(key).decrypt(_NONCE, sealed.ciphertext, context.encode())
        except (ValueError, InvalidTag) as error:
            raise SealError(str(SealError.__doc__)) from error


def seal(plaintext: bytes, *, receiver: bytes, context: str) -> Sealed:
    """Seal to a receiver's X25519 public key (32 bytes). ValueError for a key that is none."""
    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(receiver))
    key = _derive(shared, public, receiver)
    return Sealed(public, AESGCM(key).encrypt(_NONCE, plaintext, context.encode()))


def _derive(shared: bytes, sender: bytes, receiver: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=sender + receiver, info=_INFO).derive(shared)
