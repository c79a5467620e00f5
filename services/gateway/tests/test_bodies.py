"""Bodies are taken only where they mean one thing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from grace.gateway.api.bodies import check_json, refuse_other_media
from grace.gateway.api.envelope import cursor_after, id_before
from grace.kit import Invalid

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@given(DOCUMENTS)
def test_ordinary_json_is_taken(document: object) -> None:
    check_json(json.dumps(document).encode())


@given(st.binary())
def test_no_bytes_lead_to_anything_but_a_refusal(body: bytes) -> None:
    try:
        check_json(body)
    except (HTTPException, Invalid):
        return


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a":"\\u0000"}',
        b'{"\\u0000":1}',
        b'{"a":"\\ud800"}',
        b'{"a":9223372036854775808}',
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        nested(65),
        nested(900),
    ],
)
def test_json_that_cannot_be_kept_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        check_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":' + b"1" * 5000 + b"}",
        nested(100_000),
        b'"a" "b"',
    ],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(HTTPException) as refused:
        check_json(body)
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("media", "taken"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ('application/json; charset="UTF-8"', True),
        ("application/json; charset=utf-16", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("", False),
    ],
)
def test_only_json_in_utf_8_is_read(media: str, taken: bool) -> None:
    scope = {"headers": [(b"content-type", media.encode())]}
    if taken:
        refuse_other_media(scope)
    else:
        with pytest.raises(HTTPException) as refused:
            refuse_other_media(scope)
        assert refused.value.status_code == 415


@given(st.lists(st.from_regex(r"[A-Za-z0-9._:-]{1,128}", fullmatch=True), min_size=1, max_size=3))
def test_a_cursor_leads_back_to_its_id(ids: list[str]) -> None:
    cursor = cursor_after("missions", ids, len(ids))
    assert id_before("missions", cursor) == ids[-1]
    assert cursor_after("missions", ids, len(ids) + 1) is None


@given(st.text())
def test_a_forged_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(HTTPException) as refused:
        id_before("missions", cursor)
    assert refused.value.status_code == 400


def test_a_cursor_of_another_list_is_malformed() -> None:
    cursor = cursor_after("approvals", ["approval-1"], 1)
    with pytest.raises(HTTPException):
        id_before("missions", cursor)
