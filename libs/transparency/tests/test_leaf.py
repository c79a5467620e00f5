import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.transparency import (
    LEAF_KIND,
    Leaf,
    LeafError,
    leaf_bytes,
    pae,
    parse_leaf,
    parse_pae,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
fields = st.tuples(texts, st.lists(st.binary()))
LEAF = leaf_bytes("htm.task.finished", "0190", body=b"{}", key_id="htm-1", signature=b"sig")


def test_one_part_is_encoded_as_the_dsse_specification_shows() -> None:
    # The example of the DSSE protocol page.
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_a_leaf_has_these_exact_bytes() -> None:
    assert LEAF == (b"DSSEv1 13 grace/leaf/v1 17 htm.task.finished 4 0190 2 {} 5 htm-1 3 sig")


@given(fields)
def test_what_was_joined_is_taken_apart(parts: tuple[str, list[bytes]]) -> None:
    assert parse_pae(pae(parts[0], *parts[1])) == (parts[0], tuple(parts[1]))


@given(fields, fields)
def test_two_lists_of_parts_never_share_their_bytes(
    left: tuple[str, list[bytes]], right: tuple[str, list[bytes]]
) -> None:
    assert (pae(left[0], *left[1]) == pae(right[0], *right[1])) == (left == right)


def test_moving_the_border_between_two_parts_changes_the_bytes() -> None:
    assert len({pae("k", b"ab", b""), pae("k", b"a", b"b"), pae("k", b"", b"ab")}) == 3


@given(texts, texts, st.binary(), texts, st.binary())
def test_a_leaf_is_read_back(
    subject: str, message_id: str, body: bytes, key_id: str, signature: bytes
) -> None:
    data = leaf_bytes(subject, message_id, body=body, key_id=key_id, signature=signature)
    assert parse_leaf(data) == Leaf(subject, message_id, body, key_id, signature)


@given(st.binary())
def test_arbitrary_bytes_are_refused_or_are_the_one_encoding(tail: bytes) -> None:
    for data in (tail, b"DSSEv1" + tail, b"DSSEv1 1 k" + tail):
        try:
            kind, parts = parse_pae(data)
        except LeafError:
            continue
        assert pae(kind, *parts) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"DSSEv1",
        b"DSSEv2 1 k",
        b"DSSEv1 01 k",
        b"DSSEv1 +1 k",
        b"DSSEv1  1 k",
        b"DSSEv1 2 k",
        b"DSSEv1 1 kx",
        b"DSSEv1 1 k ",
        b"DSSEv1 1 \xff",
        b"DSSEv1 " + b"9" * 5000 + b" k",
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(LeafError):
        parse_pae(data)


@pytest.mark.parametrize("end", range(len(LEAF)))
def test_a_leaf_cut_off_anywhere_is_refused(end: int) -> None:
    with pytest.raises(LeafError):
        parse_leaf(LEAF[:end])


@pytest.mark.parametrize(
    "data",
    [
        pae(LEAF_KIND, b"", b"", b"", b""),
        pae(LEAF_KIND, b"", b"", b"", b"", b"", b""),
        pae("grace/leaf/v2", b"", b"", b"", b"", b""),
        pae(LEAF_KIND, b"\xff", b"", b"", b"", b""),
    ],
)
def test_an_encoding_that_is_no_leaf_is_refused(data: bytes) -> None:
    with pytest.raises(LeafError):
        parse_leaf(data)


def test_text_without_utf8_is_refused() -> None:
    with pytest.raises(LeafError):
        pae("\ud800")
