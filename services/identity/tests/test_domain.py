from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from grace.identity.domain.keys import ComponentKey, Keep, Rotate, key_for
from grace.identity.domain.log import Row, contradicts, grow, has_gap, next_rows
from grace.transparency import Frontier, root

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
numbers = st.lists(st.integers(1, 30), max_size=30)


def _row(number: int, message_id: str = "") -> Row:
    return Row(number, message_id or f"m-{number}", "s", b"body", "k-1", b"signature")


def _key(expires_at: datetime) -> ComponentKey:
    return ComponentKey("k-1", "htm", bytes(32), "active", NOON, expires_at)


def test_the_first_key_is_made() -> None:
    assert key_for(None, now=NOON) == Rotate("first", None)


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=1000)))
def test_a_key_is_kept_until_it_expires(left: timedelta) -> None:
    key = _key(NOON + left)
    assert key_for(key, now=NOON) == Keep(key)


@given(st.timedeltas(timedelta(0), timedelta(days=1000)))
def test_an_expired_key_is_followed_by_another(ago: timedelta) -> None:
    assert key_for(_key(NOON - ago), now=NOON) == Rotate("expired", "k-1")


@given(numbers, st.integers(0, 30))
def test_what_is_accepted_follows_what_is_held_without_a_gap(
    given_: list[int], contiguous: int
) -> None:
    accepted = [row.audit_no for row in next_rows([_row(n) for n in given_], contiguous)]
    assert accepted == list(range(contiguous + 1, contiguous + 1 + len(accepted)))
    behind = contiguous + len(accepted) + 1
    assert behind not in given_


@given(numbers, st.integers(0, 30))
def test_a_gap_is_told_when_nothing_connects(given_: list[int], contiguous: int) -> None:
    ahead = [n for n in given_ if n > contiguous]
    told = has_gap([_row(n) for n in given_], contiguous)
    assert told == (bool(ahead) and contiguous + 1 not in given_)


@given(numbers)
def test_rows_that_are_held_do_not_contradict_themselves(given_: list[int]) -> None:
    rows = [_row(n) for n in given_]
    assert contradicts(rows, {n: f"m-{n}" for n in given_}) is None


@given(st.lists(st.integers(1, 30), min_size=1, unique=True), st.data())
def test_another_message_under_a_held_number_is_seen(
    given_: list[int], data: st.DataObject
) -> None:
    rewritten = data.draw(st.sampled_from(given_))
    rows = [_row(n, "another" if n == rewritten else "") for n in given_]
    assert contradicts(rows, {n: f"m-{n}" for n in given_}) == rewritten


@given(st.integers(0, 20), st.integers(0, 20))
def test_the_log_grows_to_the_same_tree_in_one_step_or_in_two(first: int, second: int) -> None:
    rows = [_row(n) for n in range(first + second)]
    one = grow(grow(Frontier(), rows[:first]).frontier, rows[first:])
    both = grow(Frontier(), rows)
    assert one.frontier == both.frontier
    assert both.frontier.root() == root(both.hashes)
    assert len(both.hashes) == first + second
