import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from grace.intent.domain.signal import (
    MAX_DETAILS,
    MAX_MESSAGE,
    Group,
    LastMission,
    Signal,
    bounded,
    kept,
    plain_text,
    plausible,
    sort_signals,
)

MakeSignal = Callable[..., Signal]
TARGETS = st.sampled_from(["t-1", "t-2", "t-3"])
STREAM = st.lists(st.tuples(TARGETS, st.integers(-60, 60)), max_size=40)


def _ids(groups: list[Group]) -> list[object]:
    return [signal.id for group in groups for signal in group.signals]


def test_a_fingerprint_is_the_hash_of_tenant_kind_and_target(make_signal: MakeSignal) -> None:
    expected = sha256(b"default|thing.broken|t-1").hexdigest()
    assert make_signal().fingerprint == expected


def test_errors_are_equal_whatever_their_source_message_and_severity(
    make_signal: MakeSignal,
) -> None:
    other = make_signal(source="someone", message="oh no", severity="critical", details="{}")
    assert other.fingerprint == make_signal().fingerprint


def test_errors_of_other_tenants_kinds_and_targets_differ(make_signal: MakeSignal) -> None:
    signals = [
        make_signal(),
        make_signal(tenant="b"),
        make_signal(kind="b"),
        make_signal(target="b"),
    ]
    assert len({signal.fingerprint for signal in signals}) == 4


def test_256_equal_errors_are_one_group(make_signal: MakeSignal) -> None:
    intake = sort_signals([make_signal(sent=n) for n in range(256)], [])
    assert [len(group.signals) for group in intake.fresh] == [256]
    assert intake.late == ()


def test_a_group_speaks_by_its_first_signal_and_spans_all_of_them(make_signal: MakeSignal) -> None:
    first, second = make_signal(sent=5, message="first"), make_signal(sent=1)
    group = sort_signals([first, second], []).fresh[0]
    assert group.first.message == "first"
    assert (group.detected_at, group.last_detected_at) == (second.detected_at, first.detected_at)


def test_an_echo_of_a_closed_mission_is_counted_there_and_a_later_error_is_news(
    make_signal: MakeSignal, noon: datetime
) -> None:
    before, at, later = make_signal(sent=-1), make_signal(), make_signal(sent=0.001)
    closed = LastMission("mission-1", at.fingerprint, noon)
    intake = sort_signals([later, before, at], [closed])
    assert _ids([group for _, group in intake.late]) == [before.id, at.id]
    assert [mission for mission, _ in intake.late] == [closed]
    assert _ids(list(intake.fresh)) == [later.id]


def test_nothing_is_an_echo_while_the_mission_is_open(
    make_signal: MakeSignal, noon: datetime
) -> None:
    signal = make_signal(sent=-10)
    missions = [
        LastMission("mission-1", signal.fingerprint, noon),
        LastMission("mission-2", signal.fingerprint, None),
    ]
    assert sort_signals([signal], missions).late == ()


def test_a_message_that_comes_twice_in_a_batch_counts_once(make_signal: MakeSignal) -> None:
    signal = make_signal()
    assert _ids(list(sort_signals([signal, signal], []).fresh)) == [signal.id]


@given(stream=STREAM, closed=st.sets(TARGETS))
def test_every_signal_is_counted_exactly_once_and_locks_are_taken_in_order(
    make_signal: MakeSignal, noon: datetime, stream: list[tuple[str, int]], closed: set[str]
) -> None:
    signals = [make_signal(target=target, sent=sent) for target, sent in stream]
    ended = {make_signal(target=target).fingerprint for target in closed}
    intake = sort_signals(signals, [LastMission(f"mission-{each}", each, noon) for each in ended])
    late = [group for _, group in intake.late]
    assert sorted(map(str, _ids(list(intake.fresh)) + _ids(late))) == sorted(
        str(signal.id) for signal in signals
    )
    for side in (intake.fresh, late):
        fingerprints = [group.fingerprint for group in side]
        assert fingerprints == sorted(set(fingerprints))
    assert all(mission.fingerprint == group.fingerprint for mission, group in intake.late)
    assert all(signal.issued_at <= noon for group in late for signal in group.signals)


@given(st.integers(1, 60), st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_a_mission_keeps_its_first_signals_and_never_more_than_allowed(
    make_signal: MakeSignal, at_most: int, sizes: list[int]
) -> None:
    signals = [make_signal() for _ in range(sum(sizes))]
    counted, samples = 0, []
    for size in sizes:
        group = Group("f", tuple(signals[counted : counted + size]))
        counted += size
        samples += kept(group, counted=counted, at_most=at_most)
    assert samples == signals[:at_most]


@given(st.text())
def test_a_message_becomes_one_bounded_printable_line(text: str) -> None:
    line = plain_text(text)
    assert len(line) <= MAX_MESSAGE
    assert line.isprintable()
    assert line == " ".join(line.split())


def test_words_stay_as_they_are() -> None:
    assert (
        plain_text("too many\n\tlocks: \u00e4 \u65e5\u672c\x00\u202e!")
        == "too many locks: \u00e4 \u65e5\u672c !"
    )


@given(st.datetimes(timezones=st.timezones()))
def test_a_claimed_time_is_kept_unless_no_clock_could_have_shown_it(
    noon: datetime, claimed: datetime
) -> None:
    at = plausible(claimed, noon)
    assert datetime(2000, 1, 1, tzinfo=UTC) <= at <= noon
    assert at == claimed or not datetime(2000, 1, 1, tzinfo=UTC) <= claimed <= noon


def test_a_time_beyond_the_calendar_does_no_harm(noon: datetime) -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert plausible(first, noon) == datetime(2000, 1, 1, tzinfo=UTC)


@given(st.integers(0, 2 * MAX_DETAILS))
def test_evidence_is_whole_or_its_size_is_told(size: int) -> None:
    details = json.dumps({"log": "x" * size})
    found = bounded(details)
    assert found is not None
    assert found == details or json.loads(found) == {"dropped_bytes": len(details)}
    assert len(found) <= MAX_DETAILS
