"""The pure rules: states, trends, health, alerts, remediation."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.kit.beat import MOST_COUNTED
from grace.observability.domain import alert, remediation, run
from grace.observability.domain.alert import Alert, AlertKey, Kind, Levels, Reading, Severity, judge
from grace.observability.domain.growth import Growth
from grace.observability.domain.health import (
    Beat,
    Condition,
    Overall,
    ServiceHealth,
    health_of,
    overall,
    score,
)
from grace.observability.domain.remediation import (
    Limits,
    Progress,
    Remediation,
    Skip,
    Submit,
    Wait,
    may_submit,
    on_progress,
    outcome_of,
)
from grace.observability.domain.run import Figures, State
from grace.observability.domain.trend import Direction, Finished, slope, trend_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEVELS = Levels(4, 10, 1000, 200, MOST_COUNTED)
LIMITS = Limits(window=15 * MINUTE, patience=60 * MINUTE)
KEY = AlertKey("default", Kind.EVENT_LAG, "htm")
Table = Mapping[Any, Mapping[Any, Any]]
TABLES = [
    (each.State, each.FIRST, each.FINAL, each.TRANSITIONS) for each in (run, alert, remediation)
]


def _reachable(start: Any, table: Table) -> set[Any]:
    found, todo = {start}, [start]
    while todo:
        for state in table[todo.pop()].values():
            if state not in found:
                found.add(state)
                todo.append(state)
    return found


@pytest.mark.parametrize(("states", "first", "final", "table"), TABLES)
def test_every_state_is_in_the_table_is_reached_and_can_end(
    states: Any, first: Any, final: frozenset[Any], table: Table
) -> None:
    assert set(table) == set(states) == _reachable(first, table)
    assert all(_reachable(state, table) & final for state in states)
    assert all(not table[state] for state in final)


# --- runs and trends ---


def test_figures_that_cannot_be_are_named() -> None:
    assert run.fault_of_figures(Figures(10, 10, 1.0, 2.0, 1.5)) is None
    for wrong in (Figures(1, 2), Figures(1, 0, p99_ms=-1), Figures(1, 0, mean_ms=1e12)):
        fault = run.fault_of_figures(wrong)
        assert fault is not None
        assert fault.reason == "bad_figures"


def _finished(p99s: list[float | None], errors: list[int]) -> list[Finished]:
    return [
        Finished(f"run-{n}", State.PASSED, NOON + n * MINUTE, Figures(100, bad, p99_ms=p99))
        for n, (p99, bad) in enumerate(zip(p99s, errors, strict=True))
    ]


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(3, 30))
def test_the_slope_of_a_line_is_its_own(rise: float, start: float, count: int) -> None:
    points = [(float(x), start + rise * x) for x in range(count)]
    assert slope(points) == pytest.approx(rise, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 99), st.floats(0, 1e9)), min_size=3, max_size=30))
def test_a_slope_is_the_best_line_there_is(points: list[tuple[float, float]]) -> None:
    unique = sorted(dict(points).items())
    best = slope(unique)
    if best is None:
        assert len(unique) < 3
        return
    mean_x = sum(x for x, _ in unique) / len(unique)
    mean_y = sum(y for _, y in unique) / len(unique)

    def off(rise: float) -> float:
        return math.fsum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in unique)

    assert all(off(best) <= off(best + d) * (1 + 1e-9) for d in (-1, 1, -1e5, 1e5))


@pytest.mark.parametrize(
    ("p99s", "errors", "direction"),
    [
        ([100, 100, 100], [1, 1, 1], Direction.STEADY),
        ([100, 120, 140], [1, 1, 1], Direction.WORSENING),
        ([140, 120, 100], [1, 1, 1], Direction.IMPROVING),
        ([140, 120, 100], [1, 5, 9], Direction.WORSENING),  # faster, since it fails
        ([100, 100, 100], [9, 5, 1], Direction.IMPROVING),
        ([None, None, None], [0, 0, 0], Direction.STEADY),
        ([100, 200], [0, 50], Direction.UNKNOWN),
        ([], [], Direction.UNKNOWN),
        ([0, 0, 0], [0, 0, 0], Direction.STEADY),
    ],
)
def test_a_direction_is_what_a_person_would_say(
    p99s: list[float | None], errors: list[int], direction: Direction
) -> None:
    assert trend_of(_finished(p99s, errors)).direction is direction


def test_a_lost_run_counts_as_failed() -> None:
    runs = _finished([1.0, 1.0], [0, 0])
    lost = Finished("lost", State.LOST, NOON, Figures())
    assert (trend_of([*runs, lost]).runs, trend_of([*runs, lost]).failed) == (3, 1)


def test_runs_that_requested_nothing_do_not_look_like_fewer_errors() -> None:
    runs = _finished([None] * 3, [50, 50, 50])
    lost = [Finished(f"lost-{n}", State.LOST, NOON, Figures()) for n in range(3)]
    assert trend_of([*runs, *lost]).direction is Direction.STEADY
    assert trend_of([runs[0], runs[1], *lost]).direction is Direction.UNKNOWN


# --- health ---


def _beat(service: str = "htm", missed: float = 0.5, **other: Any) -> Beat:
    facts = {
        "instance": "i-1", "version": "1", "ready": True, "problems": (), "quarantined": 0,
        "outbox_lag_ms": 0, "heard_at": NOON,
    } | other  # fmt: skip
    return Beat(service=service, missed=missed, **facts)


def _health(*beats: Beat, listened: bool = True) -> dict[str, ServiceHealth]:
    found = health_of(["htm", "intent"], beats, late_beats=4, listened=listened)
    return {each.name: each for each in found}


def test_a_service_that_was_never_heard_of_is_missing_not_forgotten() -> None:
    found = _health(_beat())
    assert found["htm"].condition is Condition.HEALTHY
    assert found["intent"].condition is Condition.UNREACHABLE
    assert _health(listened=False)["intent"].condition is Condition.UNKNOWN


def test_one_process_in_time_is_enough_and_one_with_problems_shows() -> None:
    gone = _beat(instance="old", missed=99, problems=("old news",), quarantined=7)
    assert _health(gone)["htm"].condition is Condition.UNREACHABLE
    assert _health(gone, listened=False)["htm"].condition is Condition.UNKNOWN
    assert _health(gone, _beat())["htm"].condition is Condition.HEALTHY
    ill = _health(_beat(), _beat(instance="i-2", ready=False, problems=("no key",)))["htm"]
    assert (ill.condition, ill.problems, ill.instances) == (Condition.DEGRADED, ("no key",), 2)
    assert _health(_beat(missed=4))["htm"].condition is Condition.UNREACHABLE
    assert "stranger" not in _health(_beat("stranger"))


@given(
    st.lists(st.sampled_from(Condition), min_size=1, max_size=12),
    st.lists(st.sampled_from(Severity), max_size=12),
    st.sampled_from(Severity),
)
def test_the_score_stays_in_bounds_and_never_rises_by_bad_news(
    conditions: list[Condition], severities: list[Severity], more: Severity
) -> None:
    services = [ServiceHealth(f"s-{n}", each) for n, each in enumerate(conditions)]
    points = score(services, severities)
    assert 0 <= points <= 100
    assert score(services, [*severities, more]) <= points
    worse = [ServiceHealth("s-0", Condition.UNREACHABLE), *services[1:]]
    assert score(worse, severities) <= points
    assert overall(worse, score(worse, severities)) is Overall.UNHEALTHY
    if overall(services, points) is Overall.HEALTHY:
        assert points == 100
        assert set(conditions) == {Condition.HEALTHY}


# --- alerts ---


def _alert(**other: Any) -> Alert:
    facts = {
        "alert_id": "alert-1", "key": KEY, "severity": Severity.WARNING, "status": alert.State.OPEN,
        "message": "", "value": 1500.0, "threshold": 1000.0, "raised_at": NOON, "seen_at": NOON,
    } | other  # fmt: skip
    return Alert(**facts)


def _reading(value: float) -> Reading:
    return Reading(KEY, Severity.WARNING, "lag", value, raise_at=1000, clear_at=200)


@pytest.mark.parametrize(
    ("opened", "value", "later", "outcome"),
    [
        (False, 999, 0, ""), (False, 1000, 0, "raised"),
        (True, 1000, 99, "seen"), (True, 201, 99, "seen"),  # between the levels it goes on
        (True, 200, 9, ""), (True, 200, 10, "resolved"),  # below, and after some quiet
        (True, 200, -3600, "resolved"),  # the clock was set back: nobody waits until it is there again
    ],
)  # fmt: skip
def test_an_alert_is_raised_at_one_level_and_resolved_at_another_after_some_quiet(
    opened: bool, value: float, later: int, outcome: str
) -> None:
    now, quiet = NOON + timedelta(seconds=later), timedelta(seconds=10)
    found = judge([_alert()] if opened else [], [_reading(value)], now=now, quiet=quiet)
    told = [name for name in ("raised", "seen", "resolved") if getattr(found, name)]
    assert told == ([outcome] if outcome else [])


def test_what_was_not_measured_stays_as_it_is() -> None:
    found = judge([_alert()], [], now=NOON + timedelta(days=9), quiet=timedelta(0))
    assert (found.raised, found.seen, found.resolved) == ([], [], [])


@given(st.lists(st.integers(0, 2000), max_size=40))
def test_there_is_never_more_than_one_open_alert_and_it_ends_below_its_level(
    values: list[int],
) -> None:
    opened: list[Alert] = []
    for second, value in enumerate(values):
        now = NOON + timedelta(seconds=second)
        found = judge(opened, [_reading(value)], now=now, quiet=timedelta(seconds=3))
        if found.raised:
            assert not opened
            opened = [_alert(raised_at=now, seen_at=now)]
        elif found.seen:
            opened = found.seen
        elif found.resolved:
            assert max(values[max(0, second - 2) : second + 1]) <= 200
            opened = []


def test_nothing_is_said_of_a_service_that_nobody_listened_to() -> None:
    unknown = ServiceHealth("htm", Condition.UNKNOWN)
    assert alert.readings_of_services([unknown], {}, LEVELS) == []


def test_a_service_that_is_gone_is_late_and_nothing_else() -> None:
    gone = ServiceHealth("htm", Condition.UNREACHABLE, problems=("it was never heard of",))
    (reading,) = alert.readings_of_services([gone], {"htm": Growth("htm", 0, NOON)}, LEVELS)
    assert (reading.key.kind, reading.severity) == (Kind.SERVICE_LATE, Severity.CRITICAL)
    assert reading.value >= reading.raise_at


@pytest.mark.parametrize(("quarantined", "value"), [(MOST_COUNTED - 1, 0), (MOST_COUNTED, 10)])
def test_a_quarantine_that_is_counted_no_further_is_never_calm(
    quarantined: int, value: int
) -> None:
    """It may grow by thousands, and the count stays what it is."""
    full = ServiceHealth("htm", Condition.HEALTHY, instances=1, quarantined=quarantined)
    stands = Growth("htm", mark=quarantined, marked_at=NOON)
    readings = alert.readings_of_services([full], {"htm": stands}, LEVELS)
    (reading,) = [each for each in readings if each.key.kind is Kind.QUARANTINE_GROWING]
    assert (reading.value, reading.raise_at) == (value, 10)


def test_three_failures_in_a_row_are_critical() -> None:
    def severity(times: int) -> Severity:
        failures = alert.Failures("default", "suite", times, "")
        return alert.reading_of_failures(failures).severity

    assert [severity(times) for times in (1, 2, 3)] == ["warning", "warning", "critical"]


def test_a_window_that_just_began_does_not_look_calm() -> None:
    growth = Growth("htm", mark=0, marked_at=NOON)
    assert growth.value(12) == 12
    moved = growth.moved(12, now=NOON + MINUTE, window=MINUTE)
    assert (moved.mark, moved.value(12)) == (12, 12)
    calm = moved.moved(12, now=NOON + 2 * MINUTE, window=MINUTE)
    assert calm.value(12) == 0
    pruned = calm.moved(3, now=NOON + 2 * MINUTE, window=MINUTE)
    assert pruned.value(5) == 2
    # The clock was set back: a window that never ends would call the growth of hours a minute's.
    assert growth.moved(12, now=NOON - 60 * MINUTE, window=MINUTE).mark == 12


# --- remediation ---


def _remediation(**other: Any) -> Remediation:
    facts = {
        "remediation_id": "remediation-1", "tenant": "default", "run_id": "run-1", "suite": "s",
        "kind": "postgres.blocked_sessions", "target": "shop-db", "status": remediation.State.DUE,
        "due_at": NOON, "failed_at": NOON,
    } | other  # fmt: skip
    return Remediation(**facts)


def test_only_a_registered_target_is_acted_on_and_only_while_it_is_news() -> None:
    def choice(targets: frozenset[str] | None, later: timedelta = MINUTE, **other: Any) -> Any:
        return may_submit(_remediation(**other), targets, now=NOON + later, limits=LIMITS)

    assert isinstance(choice(frozenset({"shop-db"})), Submit)
    assert isinstance(choice(frozenset({"other"})), Skip)
    assert isinstance(choice(None), Wait)
    assert isinstance(choice(None, later=61 * MINUTE), Skip)
    assert isinstance(choice(frozenset({"shop-db"}), failed_at=NOON - 16 * MINUTE), Skip)


@given(st.text(max_size=20))
def test_no_word_but_verified_is_a_success(word: str) -> None:
    verified = outcome_of(word).status is remediation.State.VERIFIED
    assert verified is (word == "verified")


def test_a_remediation_ends_with_its_intent_or_with_the_patience() -> None:
    opened = _remediation(status=remediation.State.OPEN, submitted_at=NOON)

    def after(progress: Progress | None, later: timedelta = MINUTE) -> Any:
        return on_progress(opened, progress, now=NOON + later, limits=LIMITS)

    assert after(Progress("m-1", "running", ended=False, reason=None), 999 * MINUTE) is None
    assert after(None) is None
    assert after(None, 61 * MINUTE).status is remediation.State.FAILED
    rejected = after(Progress("m-1", "rejected", ended=True, reason="no"))
    assert (rejected.status, rejected.outcome) == (remediation.State.FAILED, "rejected")
    assert after(Progress("m-1", "verified", ended=True, reason=None)).status == "verified"
    back = after(Progress("m-1", "verified", ended=True, reason=None, reopened=True))
    assert (back.status, back.outcome) == (remediation.State.FAILED, "reopened")
