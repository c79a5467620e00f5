"""Rules say which errors are equal, and how many of them make a mission."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grace.intent.domain.document import parse_playbook
from grace.intent.domain.mesh import Pending, ripen, shape
from grace.intent.domain.playbook import Playbook, PlaybookError, Threshold
from grace.intent.domain.signal import Group, Signal, group_signals

MakeSignal = Callable[..., Signal]
FIVE = Threshold(5, timedelta(minutes=1))


@pytest.fixture
def rule(mend_it: str) -> Callable[..., Playbook]:
    """Make a playbook whose trigger says more."""

    def make(more: str, *, name: str = "mend-it", condition: str = 'kind != ""') -> Playbook:
        text = mend_it.replace("mend-it", name).replace('kind == "thing.broken"', condition)
        return parse_playbook(text.replace("steps:", f"  {more}\nsteps:", 1).encode())

    return make


def test_without_a_rule_errors_are_what_they_are(make_signal: MakeSignal) -> None:
    signals = [make_signal(), make_signal(kind="other")]
    assert shape(signals, []) == signals


def test_a_rule_makes_errors_of_one_target_equal_and_never_those_of_two(
    make_signal: MakeSignal, rule: Callable[..., Playbook]
) -> None:
    by_target = rule("group_by: [target]")
    signals = [make_signal(kind="a"), make_signal(kind="b"), make_signal(kind="b", target="t-2")]
    first, second, third = (each.fingerprint for each in shape(signals, [by_target]))
    assert first == second != third
    assert first not in {each.fingerprint for each in signals}
    with pytest.raises(PlaybookError, match="target has to be among them"):
        rule("group_by: [kind]")


def test_a_rule_may_tell_apart_what_else_is_equal(
    make_signal: MakeSignal, rule: Callable[..., Playbook]
) -> None:
    signals = [make_signal(source="a"), make_signal(source="b")]
    split = shape(signals, [rule("group_by: [kind, source, target]")])
    assert len(group_signals(split)) == 2
    assert len(group_signals(signals)) == 1


def test_tenants_are_never_grouped_together(
    make_signal: MakeSignal, rule: Callable[..., Playbook]
) -> None:
    signals = [make_signal(), make_signal(tenant="b")]
    assert len(group_signals(shape(signals, [rule("group_by: [target]")]))) == 2


def test_the_best_rule_that_fits_shapes(
    make_signal: MakeSignal, rule: Callable[..., Playbook]
) -> None:
    rules = [
        rule("accumulate: {count: 2, within: 1m}", name="b"),
        rule("accumulate: {count: 9, within: 1m}", name="a", condition='kind == "other"'),
        rule("priority: 1\n  accumulate: {count: 3, within: 1m}", name="c"),
    ]
    (shaped,) = shape([make_signal()], rules)
    assert shaped.threshold == Threshold(3, timedelta(minutes=1))
    (shaped,) = shape([make_signal(kind="other")], rules[:2])
    assert shaped.threshold == Threshold(9, timedelta(minutes=1))


def test_so_many_within_so_long_make_a_mission(make_signal: MakeSignal, noon: datetime) -> None:
    def group(*sent: float) -> Group:
        return Group("f", tuple(make_signal(sent=each, threshold=FIVE) for each in sent))

    young = ripen(group(0, 10, 20), [])
    assert isinstance(young, Pending)
    assert young.expires_at == noon + timedelta(seconds=80)
    for last, kept in ((70, (10, 20, 70)), (70.1, (20, 70.1))):
        old = ripen(group(last), young.times)
        assert isinstance(old, Pending)
        assert [at - noon for at in old.times] == [timedelta(seconds=each) for each in kept]
    ripe = ripen(group(30, 40), young.times)
    assert isinstance(ripe, Group)
    assert (ripe.count, ripe.detected_at) == (5, noon)


@settings(max_examples=80)
@example(sent=[0, 0, 1, 1], count=4, seconds=1, size=1)
@given(
    sent=st.lists(st.integers(0, 300), min_size=1, max_size=30),
    count=st.integers(2, 6),
    seconds=st.integers(1, 120),
    size=st.integers(1, 7),
)
def test_in_whatever_pieces_they_come_in_order_the_answer_is_that_of_all_at_once(
    make_signal: MakeSignal, sent: list[int], count: int, seconds: int, size: int
) -> None:
    threshold = Threshold(count, timedelta(seconds=seconds))
    signals = [make_signal(sent=each, threshold=threshold) for each in sorted(sent)]
    times = sorted(sent)
    reached = any(
        end - begin <= seconds for begin, end in zip(times, times[count - 1 :], strict=False)
    )
    assert _opens(signals, size) == reached


def _opens(signals: Sequence[Signal], size: int) -> bool:
    kept: Sequence[datetime] = ()
    for start in range(0, len(signals), size):
        found = ripen(Group("f", tuple(signals[start : start + size])), kept)
        if isinstance(found, Group):
            return True
        kept = found.times
        assert len(kept) < 1_000
    return False
