import pytest

from grace.kit.sealing import Opener, Sealed, SealError, seal

SECRET = b"a private key of thirty-two byte"


def test_what_is_sealed_opens_for_its_receiver() -> None:
    receiver = Opener()
    sealed = seal(SECRET, receiver=receiver.public_key, context="htm")
    assert receiver.open(sealed, context="htm") == SECRET
    assert SECRET not in sealed.ciphertext


def test_every_sealing_is_another() -> None:
    receiver = Opener()
    first = seal(SECRET, receiver=receiver.public_key, context="htm")
    assert first != seal(SECRET, receiver=receiver.public_key, context="htm")


def test_it_opens_for_nobody_else() -> None:
    sealed = seal(SECRET, receiver=Opener().public_key, context="htm")
    with pytest.raises(SealError):
        Opener().open(sealed, context="htm")


def test_it_opens_under_no_other_name() -> None:
    receiver = Opener()
    sealed = seal(SECRET, receiver=receiver.public_key, context="htm")
    with pytest.raises(SealError):
        receiver.open(sealed, context="worker")


@pytest.mark.parametrize("place", [0, 20, -1])
def test_an_altered_ciphertext_does_not_open(place: int) -> None:
    receiver = Opener()
    sealed = seal(SECRET, receiver=receiver.public_key, context="htm")
    altered = bytearray(sealed.ciphertext)
    altered[place] ^= 1
    with pytest.raises(SealError):
        receiver.open(Sealed(sealed.ephemeral_public_key, bytes(altered)), context="htm")


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), bytes(33)])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    receiver = Opener()
    sealed = seal(SECRET, receiver=receiver.public_key, context="htm")
    with pytest.raises(SealError):
        receiver.open(Sealed(key, sealed.ciphertext), context="htm")
    with pytest.raises(ValueError, match="."):
        seal(SECRET, receiver=key, context="htm")
