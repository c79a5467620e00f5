"""Encrypts what a service keeps at rest: a data key per record, bound to the place it was made for."""

from __future__ import annotations

import base64
import binascii
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PREFIX = "grace-safe-1:"
_MARK = 32  # hexadecimal digits
_KEY, _NONCE, _TAG = 32, 12, 16
_WRAPPED = _NONCE + _KEY + _TAG


class SafeError(ValueError):
    """What is stored does not open: it was altered, moved, or made with another key."""


class Safe:
    """Closes and opens texts with a service's own storage key, which identity gives it."""

    def __init__(self, storage_key: bytes) -> None:
        self._wrapping = AESGCM(storage_key)
        self._marking = hmac.digest(storage_key, b"grace/safe/v1|mark", "sha256")

    def close(self, text: str, *, place: str) -> str:
        """Return the text encrypted; it opens at the same place only (table, row, column)."""
        data_key = AESGCM.generate_key(bit_length=8 * _KEY)
        about = _about(place)
        sealed = _encrypt(self._wrapping, data_key, b"wrap|" + about)
        sealed += _encrypt(
            AESGCM(data_key), text.encode("utf-8", "surrogatepass"), b"data|" + about
        )
        return _PREFIX + base64.b64encode(sealed).decode("ascii")

    def mark(self, text: str, *, place: str) -> str:
        """Return a fingerprint: the same for the same text at the same place, and without the key for none."""
        about = _about(place) + b"|" + text.encode("utf-8", "surrogatepass")
        return hmac.digest(self._marking, about, "sha256").hex()[:_MARK]

    def open(self, sealed: str, *, place: str) -> str:
        """Return the text. SafeError for anything that was not closed for this place."""
        if not sealed.startswith(_PREFIX):
            raise SafeError(str(SafeError.__doc__))
        about = _about(place)
        try:
            data = base64.b64decode(sealed[len(_PREFIX) :], validate=True)
            data_key = _decrypt(self._wrapping, data[:_WRAPPED], b"wrap|" + about)
            opened = _decrypt(AESGCM(data_key), data[_WRAPPED:], b"data|" + about)
            return opened.decode("utf-8", "surrogatepass")
        except (binascii.Error, InvalidTag, ValueError):
            raise SafeError(str(SafeError.__doc__)) from None


def _about(place: str) -> bytes:
    """Binds a ciphertext to its place: copied elsewhere it opens for nobody."""
    return f"grace/safe/v1|{place}".encode()


def _encrypt(key: AESGCM, plaintext: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, plaintext, about)


def _decrypt(key: AESGCM, data: bytes, about: bytes) -> bytes:
    return key.decrypt(data[:_NONCE], data[_NONCE:], about)
