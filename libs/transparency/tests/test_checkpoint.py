from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from grace.transparency import (
    EMPTY_ROOT,
    Checkpoint,
    NoteError,
    encode_verifier_key,
    key_hash,
    open_note,
    parse_and_verify,
    parse_verifier_key,
    sign,
    sign_note,
)

NAME = "example.com/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
HEAD = Checkpoint(NAME, 42, bytes(range(32)))
NOTE = sign(HEAD, NAME, KEY)

# Published by others: the Go checksum database, and the examples of Go's sumdb/note package.
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_NOTE = """go.sum database tree
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = "YEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.
"""
GO_NOTE = f"""{GO_TEXT}
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""

OUR_KEY = "example.com/log+d455c521+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
OUR_NOTE = """example.com/log
42
AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=

— example.com/log 1FXFISbmr48e4JQlSYJ5TT+Sqv7zKO6BpdjoQCMJ1XXkaH0UyvneCNCeElu9iqCrX/IUA/xSNNul5d9RQ0DZ4gbGbww=
"""


def read(text: str) -> Checkpoint:
    return parse_and_verify(text, NAME, PUBLIC)


def signed(body: str) -> str:
    """Sign validly what this library would not write."""
    value = b64encode(key_hash(NAME, PUBLIC) + KEY.sign(body.encode())).decode()
    return f"{body}\n— {NAME} {value}\n"


def test_a_checkpoint_of_the_go_checksum_database_verifies() -> None:
    head = parse_and_verify(SUMDB_NOTE, *parse_verifier_key(SUMDB_KEY))
    assert (head.origin, head.size) == ("go.sum database tree", 20852163)
    assert b64encode(head.root) == b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


def test_a_note_of_the_go_implementation_is_written_byte_for_byte() -> None:
    name, public_key = parse_verifier_key(GO_KEY)
    private_key = Ed25519PrivateKey.from_private_bytes(b64decode("A" + GO_SEED)[-32:])
    assert open_note(GO_NOTE, name, public_key) == GO_TEXT
    assert sign_note(GO_TEXT, name, private_key) == GO_NOTE


def test_our_format_stays_as_it_is() -> None:
    assert encode_verifier_key(NAME, PUBLIC) == OUR_KEY
    assert NOTE == OUR_NOTE


@given(
    st.from_regex(r"[a-z./ +0-9]{1,30}", fullmatch=True),
    st.integers(min_value=1, max_value=2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_what_was_signed_is_read_back(origin: str, size: int, root: bytes) -> None:
    head = Checkpoint(origin, size, root)
    assert read(sign(head, NAME, KEY)) == head


def test_the_empty_log_can_be_signed() -> None:
    empty = Checkpoint(NAME, 0, EMPTY_ROOT)
    assert read(sign(empty, NAME, KEY)) == empty


def test_a_note_with_any_bit_changed_is_refused() -> None:
    raw = NOTE.encode()
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoteError):
            read(flipped.decode(errors="surrogateescape"))


def test_a_note_cut_off_anywhere_is_refused() -> None:
    for end in range(len(NOTE)):
        with pytest.raises(NoteError):
            read(NOTE[:end])


@pytest.mark.parametrize("junk", ["\n", " ", "x", "— x\n", "\n\n", NOTE])
def test_a_note_with_something_behind_it_is_refused(junk: str) -> None:
    with pytest.raises(NoteError):
        read(NOTE + junk)


ROOT = b64encode(HEAD.root).decode()


@pytest.mark.parametrize(
    "body",
    [
        f"{NAME}\n042\n{ROOT}\n",
        f"{NAME}\n+42\n{ROOT}\n",
        f"{NAME}\n-1\n{ROOT}\n",
        f"{NAME}\n4_2\n{ROOT}\n",
        f"{NAME}\n٤٢\n{ROOT}\n",
        f"{NAME}\n42 \n{ROOT}\n",
        f"{NAME}\n9223372036854775808\n{ROOT}\n",
        f"{NAME}\n{'9' * 5000}\n{ROOT}\n",
        f"{NAME}\n0\n{ROOT}\n",
        f"{NAME}\n42\n{ROOT[:-1]}\n",
        f"{NAME}\n42\n{ROOT[:-2]}9=\n",
        f"{NAME}\n42\n{ROOT}=\n",
        f"{NAME}\n42\n{b64encode(bytes(31)).decode()}\n",
        f"{NAME}\n42\n{ROOT}\nan extension line\n",
        f"{NAME}\n42\n{ROOT}\n\n",
        f"{NAME}\n42\n",
        f"\n42\n{ROOT}\n",
        f"\u202elog\n42\n{ROOT}\n",
        f"{NAME}\t\n42\n{ROOT}\n",
        f"{NAME}\r\n42\n{ROOT}\n",
        "\n",
    ],
)
def test_a_badly_written_body_is_refused_even_when_signed(body: str) -> None:
    with pytest.raises(NoteError):
        read(signed(body))


def test_the_helper_above_signs_what_the_library_would_accept() -> None:
    assert read(signed(HEAD.body())) == HEAD


def test_a_signature_by_another_key_under_the_same_name_is_refused() -> None:
    with pytest.raises(NoteError, match="no signature"):
        read(sign(HEAD, NAME, OTHER))


def test_a_signature_under_another_name_is_refused() -> None:
    with pytest.raises(NoteError, match="no signature"):
        read(sign(HEAD, "example.com/other", KEY))


def test_a_witness_may_sign_beside_the_log() -> None:
    cosignature = sign(HEAD, "witness.example", OTHER).rpartition("\n\n")[2]
    assert read(NOTE + cosignature) == HEAD
    assert parse_and_verify(NOTE + cosignature, "witness.example", OTHER.public_key()) == HEAD


def test_a_wrong_signature_beside_a_right_one_spoils_the_note() -> None:
    wrong = b64encode(key_hash(NAME, PUBLIC) + bytes(64)).decode()
    with pytest.raises(NoteError, match="does not match"):
        read(f"{NOTE}— {NAME} {wrong}\n")


@pytest.mark.parametrize(
    "line",
    ["- a AAAAAAA=", "— a", "—  a AAAAAAA=", "— a AAAAAA==", "— a AAAAAAB=", "— a+b AAAAAAA="],
)
def test_a_malformed_signature_line_spoils_the_note(line: str) -> None:
    with pytest.raises(NoteError):
        read(f"{NOTE}{line}\n")


def test_an_endless_note_is_refused() -> None:
    with pytest.raises(NoteError, match="short"):
        read(NOTE + "— a AAAAAAA=\n" * 100_000)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x00", "\ud800"])
def test_a_key_name_that_would_break_the_format_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        sign(HEAD, name, KEY)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "\ud800\n"])
def test_a_text_that_would_break_the_format_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, NAME, KEY)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, bytes(32)),
        ("a\nb", 1, bytes(32)),
        (NAME, -1, bytes(32)),
        (NAME, 2**63, bytes(32)),
        (NAME, 1, bytes(31)),
        (NAME, 0, bytes(32)),
    ],
)
def test_a_checkpoint_that_no_log_can_have_is_refused(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(NoteError):
        Checkpoint(origin, size, root)


def test_a_verifier_key_is_read_back() -> None:
    name, public_key = parse_verifier_key(encode_verifier_key(NAME, PUBLIC))
    assert (name, public_key.public_bytes_raw()) == (NAME, PUBLIC.public_bytes_raw())


def test_a_verifier_key_with_any_bit_changed_is_refused() -> None:
    raw = GO_KEY.encode()
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoteError):
            parse_verifier_key(flipped.decode(errors="surrogateescape"))


@pytest.mark.parametrize(
    "text", ["", "+", "++", "a+b", GO_KEY + "=", GO_KEY + "\n", GO_KEY.replace("c74f", "C74F")]
)
def test_a_malformed_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_verifier_key(text)
