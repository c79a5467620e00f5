"""What is secret in a state is told by its fingerprint, wherever it stands."""

import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.worker.domain.redaction import OPEN, Secrecy, concealed, concealed_value, lost
from grace.worker.domain.state import State, text_of

TOKEN = Secrecy(frozenset({"token", "says"}), needed=frozenset({"token"}))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["token", "says", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)
STATES = st.dictionaries(st.sampled_from(["token", "says", "rows"]), VALUES, max_size=3)


def mark(text: str) -> str:
    return hmac.digest(b"key", text.encode(), "sha256").hex()


def secrets_in(value: Any, *, inside: bool = False) -> list[Any]:
    if inside:
        return [] if value is None else [value]
    if isinstance(value, dict):
        return [s for k, v in value.items() for s in secrets_in(v, inside=k in TOKEN.fields)]
    return [s for v in value for s in secrets_in(v)] if isinstance(value, list) else []


@settings(max_examples=60)
@given(STATES, STATES)
def test_secrets_are_told_apart_and_not_told(one: State, other: State) -> None:
    told = concealed(one, TOKEN, mark)
    assert (told == concealed(other, TOKEN, mark)) == (text_of(one) == text_of(other))
    assert all(set(each) == {"redacted"} for each in secrets_in(told))
    assert concealed(told, TOKEN, mark) == told
    assert concealed(one, OPEN, mark) == one


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ({"token": "x"}, "token"),
        ({"rows": [{"name": 1}, {"token": 7}]}, "token"),
        ({"token": None, "says": "x"}, None),
        ({"rows": []}, None),
    ],
)
def test_a_revert_misses_what_it_needs_and_is_not_kept(state: State, field: str | None) -> None:
    assert lost(state, TOKEN) is None
    assert lost(concealed(state, TOKEN, mark), TOKEN) == field
    assert lost(concealed(state, TOKEN, mark), Secrecy(TOKEN.fields)) is None


def test_nothing_is_no_secret() -> None:
    assert concealed_value(None, mark) is None
    assert concealed_value("", mark) == {"redacted": mark('{"redacted":""}')}
