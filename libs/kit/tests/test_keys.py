"""Signatures: made by one library, verified by another."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from grace.kit.keys import is_signed

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = VerifyKey(KEY.public_key().public_bytes_raw())


@settings(max_examples=30)
@given(text=st.binary(max_size=200), other=st.binary(max_size=200))
def test_a_signature_fits_exactly_what_was_signed(text: bytes, other: bytes) -> None:
    signature = KEY.sign(text)
    assert is_signed(PUBLIC, signature, text)
    assert is_signed(PUBLIC, signature, other) is (text == other)


@pytest.mark.parametrize(
    "signature",
    [b"", b"x", bytes(63), bytes(64), bytes(65), KEY.sign(b"text") + b"x", b"\xff" * 64],
)
def test_what_is_no_signature_is_refused_and_breaks_nothing(signature: bytes) -> None:
    assert not is_signed(PUBLIC, signature, b"text")


def test_a_key_of_small_order_signs_nothing() -> None:
    """Under such a key a made-up signature fits every message."""
    identity_point = b"\x01" + bytes(31)
    assert not is_signed(VerifyKey(identity_point), identity_point + bytes(32), b"anything")
