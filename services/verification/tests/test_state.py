import json

from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.state import (
    canonical,
    digest,
    number,
    numbers,
    read_measured,
    read_state,
    shown_state,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON))
def test_what_is_shown_is_json_that_every_reader_takes(state):
    text = json.dumps(shown_state(state), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode("utf-8")


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_a_reader_fail(text):
    for found in (read_state(text), read_measured(text)):
        assert found is None or isinstance(found, dict)


@given(st.dictionaries(st.text(), JSON))
def test_a_state_has_one_text_whatever_the_order_of_its_fields(state):
    read = read_state(json.dumps(state))
    if read is None:
        return
    backwards = dict(reversed(list(read.items())))
    assert canonical(read) == canonical(backwards)
    assert digest(canonical(read)) == digest(canonical(json.loads(canonical(read))))


def test_one_and_one_point_zero_are_different_raw_states():
    assert canonical({"a": 1}) != canonical({"a": 1.0})
    assert canonical({"a": 1}) != canonical({"a": True})


def test_nan_is_no_state_and_no_measured_number():
    assert read_state('{"a": NaN}') is None
    assert read_state('{"a": 1e999}') is None
    assert read_measured('{"a": NaN, "b": 2}') == {"a": None, "b": 2}
    assert numbers({"a": None, "b": 2, "c": True, "d": "3", "e": 10**400}) == {"b": 2.0}


def test_only_a_json_object_is_a_state():
    assert read_state(None) is None
    assert read_state("[1]") is None
    assert read_state("") is None
    assert read_measured("3") is None


@given(st.floats() | st.integers() | st.booleans() | st.text() | st.none())
def test_a_number_is_finite_or_none(value):
    found = number(value)
    assert found is None or (found == found and abs(found) != float("inf"))  # noqa: PLR0124
    if isinstance(value, bool | str | None):
        assert found is None


def test_deep_states_are_cut_not_refused():
    deep: dict[str, object] = {}
    for _ in range(100):
        deep = {"a": deep}
    assert "nested too deeply" in json.dumps(shown_state(deep))
