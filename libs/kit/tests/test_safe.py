"""What is closed opens at its place, with its key, unaltered; otherwise not at all."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.kit.safe import Safe, SafeError

KEY = os.urandom(32)
SAFE = Safe(KEY)


@settings(max_examples=30)
@given(st.text(max_size=200))
def test_what_is_closed_opens_again_and_does_not_show(text: str) -> None:
    closed = SAFE.close(text, place="here")
    assert SAFE.open(closed, place="here") == text
    assert len(text) < 8 or text not in closed.partition(":")[2]  # behind the name of the format
    assert SAFE.close(text, place="here") != closed


CLOSED = SAFE.close('{"password": 1}', place="here")
ALTERED = CLOSED[:-6] + ("A" if CLOSED[-6] != "A" else "B") + CLOSED[-5:]


@pytest.mark.parametrize(
    ("safe", "closed", "place"),
    [
        (SAFE, CLOSED, "there"),
        (Safe(os.urandom(32)), CLOSED, "here"),
        (SAFE, ALTERED, "here"),
        (SAFE, CLOSED[: len(CLOSED) // 2], "here"),
        (SAFE, "{}", "here"),
        (SAFE, "grace-safe-1:", "here"),
        (SAFE, "grace-safe-1:&", "here"),
    ],
    ids=["place", "key", "altered", "cut", "never closed", "empty", "no base64"],
)
def test_anything_else_does_not_open(safe: Safe, closed: str, place: str) -> None:
    with pytest.raises(SafeError):
        safe.open(closed, place=place)


def test_a_fingerprint_is_the_same_for_the_same_text_place_and_key() -> None:
    mark = SAFE.mark("s3cret", place="here")
    assert len(mark) == 32
    assert Safe(KEY).mark("s3cret", place="here") == mark
    others = (
        SAFE.mark("s3cret", place="there"),
        SAFE.mark("S3cret", place="here"),
        Safe(os.urandom(32)).mark("s3cret", place="here"),
    )
    assert mark not in others
