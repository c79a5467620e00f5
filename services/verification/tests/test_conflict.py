"""What was, what was left, what is: only what somebody else has changed stands against a rollback."""

from hypothesis import given, settings
from hypothesis import strategies as st

from grace.verification.domain.conflict import MOST_FIELDS, Difference, in_words, three_way

STATES = st.dictionaries(st.sampled_from("abc"), st.sampled_from([None, 0, 1, "x"]), max_size=3)
BEFORE, LEFT = {"name": "t", "value": "9s"}, {"name": "t", "value": "5ms"}


def test_a_value_that_is_neither_shows_with_all_three():
    (found,) = three_way(BEFORE, LEFT, {"name": "t", "value": "1h"})
    assert found == Difference("value", '"9s"', '"5ms"', '"1h"')
    assert in_words((found,)) == 'value was "9s", was left as "5ms", is "1h"'


def test_a_field_that_is_gone_or_new_is_a_change_too():
    found = three_way(BEFORE, LEFT, {"name": "t", "owner": "bob"})
    assert [(each.field, each.now) for each in found] == [("owner", '"bob"'), ("value", None)]


def test_without_what_was_left_whatever_is_not_as_before_shows():
    (found,) = three_way(BEFORE, None, LEFT)
    assert (found.field, found.expected, found.now) == ("value", None, '"5ms"')


def test_nothing_is_told_of_a_world_that_nobody_could_look_at():
    assert three_way(BEFORE, LEFT, None) == ()


def test_a_list_of_changes_has_an_end():
    assert len(three_way({}, {}, {str(n): n for n in range(MOST_FIELDS + 9)})) == MOST_FIELDS


@settings(max_examples=60)
@given(before=STATES, left=STATES, now=STATES)
def test_what_is_as_before_or_as_left_never_shows(before, left, now):
    shown = {each.field for each in three_way(before, left, now)}
    for field in {*before, *left, *now}:
        as_left = (field in left, left.get(field)) == (field in now, now.get(field))
        as_before = (field in before, before.get(field)) == (field in now, now.get(field))
        assert (field in shown) == (not as_left and not as_before)
