"""Whose signature each leaf has: what the log itself introduced before, and nothing else. Pure."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace.transparency import (
    ENDED,
    KEEPER,
    MESSAGE_KIND,
    REGISTERED,
    EndedKey,
    Leaf,
    LeafError,
    LoggedKey,
    Signatures,
    is_signed_by,
    key_body,
    pae,
    parse_ended,
    parse_registered,
    unpinned,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
PRIVATE = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("identity-1", "identity-2", "htm-1", "htm-2", "worker-1"), 1)
}


def public(key_id: str) -> bytes:
    return PRIVATE[key_id].public_key().public_bytes_raw()


def id_at(at: datetime) -> str:
    millis = int(at.timestamp() * 1000)
    return str(UUID(int=(millis << 80) | (7 << 76) | (2 << 62) | 1))


def signed(key_id: str, subject: str, body: bytes, at: datetime = NOW, name: str = "") -> Leaf:
    """A leaf by one key; `name` says another one."""
    message_id = id_at(at)
    parts = pae(MESSAGE_KIND, subject.encode(), message_id.encode(), body)
    return Leaf(subject, message_id, body, name or key_id, PRIVATE[key_id].sign(parts))


def logged(key_id: str, *, later: bool = False, key: bytes = b"") -> LoggedKey:
    owner, expires = key_id.partition("-")[0], NOW + timedelta(days=90)
    return LoggedKey(key_id, owner, key or public(key_id), NOW, expires, recorded_later=later)


def registered(key_id: str, by: str = "identity-1", *, later: bool = False) -> tuple[Leaf, str]:
    leaf = signed(by, REGISTERED, key_body(logged(key_id, later=later)))
    return leaf, f"{KEEPER}.keys"


def ended(key_id: str, reason: str = "replaced", by: str = "identity-1") -> tuple[Leaf, str]:
    return signed(by, ENDED, key_body(EndedKey(key_id, NOW, reason))), f"{KEEPER}.keys"


def said(key_id: str, at: datetime = NOW) -> tuple[Leaf, str]:
    return signed(key_id, "thing.mended", b"{}", at), key_id.partition("-")[0]


START = [registered("identity-1"), registered("htm-1"), registered("worker-1")]
LATE = NOW + timedelta(hours=1)
LATER = NOW + timedelta(days=2)


def read(
    log: list[tuple[Leaf, str]], head: str = "identity-1", pinned: frozenset[bytes] = frozenset()
) -> Signatures:
    found = Signatures(pinned, may_say=lambda owner, subject: subject != f"not.{owner}s")
    for index, (leaf, producer) in enumerate(log):
        found.show(index, leaf, producer)
    found.close(PRIVATE[head].public_key())
    return found


def test_a_whole_log_is_checked() -> None:
    log = [*START, said("htm-1"), said("worker-1"), registered("htm-2"), ended("htm-1")]
    log += [said("htm-2"), said("htm-1", LATE)]
    log += [registered("identity-2"), ended("identity-1"), registered_by_second()]
    found = read(log, "identity-2")
    assert found.complaints == []
    assert (found.checked, found.late, found.not_checkable) == (len(log), 1, 0)


def registered_by_second() -> tuple[Leaf, str]:
    PRIVATE["late-1"] = Ed25519PrivateKey.from_private_bytes(bytes([99]) * 32)
    return registered("late-1", by="identity-2")


def altered(leaf: Leaf, **changes: object) -> Leaf:
    fields = {name: getattr(leaf, name) for name in Leaf.__slots__} | changes
    return Leaf(**fields)  # type: ignore[arg-type]


WEAK = [
    bytes(32),
    (1).to_bytes(32, "little"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]


def weak(key: bytes) -> tuple[Leaf, str]:
    body = key_body(logged("worker-9", key=key))
    return signed("identity-1", REGISTERED, body), f"{KEEPER}.keys"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        # the bytes are others than those that were signed
        ([(altered(said("htm-1")[0], body=b"[]"), "htm")], "the signature is none of key htm-1"),
        ([(altered(said("htm-1")[0], subject="x"), "htm")], "the signature is none of key htm-1"),
        ([(altered(said("htm-1")[0], signature=b""), "htm")], "the signature is none of"),
        ([(signed("worker-1", "x", b"{}", name="htm-1"), "htm")], "the signature is none of"),
        # another one's
        ([(said("worker-1")[0], "htm")], "it is said to be htm's, and key worker-1 is worker's"),
        ([(signed("htm-1", "not.htms", b"{}"), "htm")], "signs not.htms, which is not htm's"),
        # no key, or not yet, or no more
        ([said("htm-2")], "the log introduces no key htm-2, and 1 are signed by it"),
        ([said("htm-2"), registered("htm-2")], "key htm-2 is new, and 1 before it are signed by"),
        ([ended("htm-1", "revoked"), said("htm-1")], "key htm-1 of htm had ended (revoked)"),
        ([ended("htm-1"), said("htm-1", LATER)], "key htm-1 of htm had ended (replaced)"),
        # what is said of keys
        ([registered("htm-2", by="worker-1")], "key worker-1 of worker signs an entry about keys"),
        ([ended("htm-1", by="htm-1")], "key htm-1 of htm signs an entry about keys"),
        ([(registered("htm-2")[0], "htm")], "it is said to be htm's"),
        ([registered("identity-2", by="identity-2")], "introduces no key identity-2"),
        ([registered("htm-1")], "key htm-1 is introduced a second time"),
        ([ended("htm-2")], "there is no key htm-2 that could end"),
        ([ended("htm-1"), ended("htm-1")], "there is no key htm-1 that could end"),
        ([(altered(registered("htm-2")[0], body=b"{}"), f"{KEEPER}.keys")], "the signature is"),
        ([(signed("identity-1", REGISTERED, b"{}"), f"{KEEPER}.keys")], "not an entry about a key"),
        ([(signed("identity-1", ENDED, b"[]"), f"{KEEPER}.keys")], "not an entry about a key"),
        *[([weak(key)], "no Ed25519 key that proves anything") for key in WEAK],
    ],
)
def test_what_is_wrong_is_told_with_its_entry_and_its_key(
    more: list[tuple[Leaf, str]], told: str
) -> None:
    found = read([*START, *more])
    assert len(found.complaints) == 1, found.complaints
    assert told in found.complaints[0]
    assert found.complaints[0].startswith(f"entry {len(START) + len(more) - 1}") or "htm-2" in told
    assert found.checked < len(START) + len(more)


def test_who_replaced_identitys_key_must_sign_the_head() -> None:
    log = [*START, registered("identity-2"), ended("identity-1")]
    assert read(log, "identity-2").complaints == []
    for other in ("identity-1", "htm-1"):
        assert "head is signed by no key" in read(log, other).complaints[0]


def test_after_its_end_identitys_key_says_nothing_of_keys() -> None:
    log = [*START, registered("identity-2"), ended("identity-1"), registered("htm-2")]
    assert "identity-1 of identity had ended" in read(log, "identity-2").complaints[0]


def test_a_second_beginning_is_taken_from_whoever_was_pinned_only() -> None:
    log = [*START, ended("identity-1", "revoked"), registered("identity-2", by="identity-2")]
    assert read(log, "identity-2").complaints
    assert read(log, "identity-2", frozenset({public("identity-2")})).complaints == []


def test_what_is_older_than_the_logs_knowledge_is_counted_and_never_checked() -> None:
    older = [said("htm-1"), said("worker-1"), said("htm-1")]
    alone = read(older)
    assert (alone.checked, alone.not_checkable, alone.complaints) == (0, 3, [])
    begun = [registered(each, later=True) for each in ("identity-1", "htm-1", "worker-1")]
    found = read([*older, *begun, said("htm-1")])
    assert (found.checked, found.not_checkable, found.complaints) == (4, 3, [])
    assert (found.unrecorded.first, found.unrecorded.last) == (0, 2)


def test_what_is_hidden_is_counted_and_never_checked() -> None:
    found = Signatures()
    found.hide(4)
    found.hide(7)
    found.close(PRIVATE["identity-1"].public_key())
    assert (found.checked, found.not_checkable) == (0, 2)
    assert (found.hidden.first, found.hidden.last) == (4, 7)


def test_many_complaints_are_cut_off() -> None:
    log = [*START, *[(said("worker-1")[0], "htm")] * 50]
    assert len(read(log).complaints) == 21


def test_a_list_of_ones_own_tells_what_it_has_not_or_otherwise() -> None:
    keys = read(START).keys
    own = {name: (name.partition("-")[0], public(name)) for name in keys}
    assert unpinned(keys, own) == []
    assert unpinned(keys, own | {"htm-1": ("htm", public("htm-2"))}) == ["htm-1"]
    assert unpinned(keys, own | {"htm-1": ("worker", public("htm-1"))}) == ["htm-1"]
    assert unpinned(keys, {}) == ["htm-1", "identity-1", "worker-1"]


def test_an_entry_about_a_key_has_one_spelling() -> None:
    key, end = logged("htm-1"), EndedKey("htm-1", NOW, "replaced")
    assert parse_registered(key_body(key)) == key
    assert parse_ended(key_body(end)) == end
    for parse, body in ((parse_registered, key_body(key)), (parse_ended, key_body(end))):
        for other in (body + b" ", body.replace(b"{", b'{"a":1,'), body.replace(b"+00:00", b"Z")):
            with pytest.raises(LeafError):
                parse(other)


@pytest.mark.parametrize("key", WEAK)
def test_a_key_of_small_order_signs_nothing(key: bytes) -> None:
    """With a key of the identity point, this signature holds for OpenSSL whatever is signed."""
    nothing = Leaf("x", id_at(NOW), b"{}", "k", (1).to_bytes(32, "little") + bytes(32))
    assert not is_signed_by(key, nothing)
    assert is_signed_by(public("htm-1"), said("htm-1")[0])
