"""Autonomy is earned by what was measured, lost at once, and spent within budgets."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.governance.domain.autonomy import (
    LADDER,
    Bar,
    Key,
    Level,
    Measured,
    Standing,
    after,
    first,
    has_earned_more,
    lower_bound,
    moved,
)
from grace.governance.domain.budgets import Trust, Wish, rooms

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Key("default", "postgres-runaway-queries", "postgres")
BAR = Bar(verified=20, lower_bound=0.85)
TRUST = Trust("s-1", KEY, "ada", NOW, NOW + timedelta(days=7), budget=3, used=0, reason="x")
verdicts = st.sampled_from(
    ["verified", "failed", "rolled_back", "rollback_failed", "inconclusive", "blocked"]
)


def at(level: Level, verified: int = 0, failed: int = 0) -> Standing:
    return replace(first(KEY), level=level, verified=verified, failed=failed)


def ended(verdict: str, *, executed: bool = True, before: str | None = None) -> Measured:
    return Measured(verdict, executed, "contract-1", before)


def then(standing: Standing, *verdicts: str) -> Standing:
    for verdict in verdicts:
        standing = after(standing, ended(verdict), BAR, now=NOW)
    return standing


def test_everybody_begins_at_approve() -> None:
    assert (first(KEY).level, first(KEY).version) == (Level.APPROVE, 0)


def test_what_rests_takes_a_rung_at_once_and_its_end_no_other() -> None:
    stopped = after(at(Level.APPROVE), ended("undo_stopped"), BAR, now=NOW)
    assert (stopped.level, stopped.version) == (Level.SUGGEST, 1)
    assert stopped.reason == "contract contract-1 needs a person: undo_stopped"
    approved = moved(stopped, Level.APPROVE, by="ada", reason="mended", now=NOW)
    for end in ("rolled_back", "rollback_failed", "failed"):
        over = after(approved, ended(end, before="undo_stopped"), BAR, now=NOW)
        assert (over.level, over.version, over.failed) == (Level.APPROVE, 2, 1)


def test_what_may_have_acted_and_rests_takes_a_rung_at_auto_alone() -> None:
    resting = after(at(Level.APPROVE, 3), ended("needs_attention"), BAR, now=NOW)
    assert (resting.level, resting.failed) == (Level.APPROVE, 1)
    assert after(resting, ended("failed", before="needs_attention"), BAR, now=NOW) == resting
    assert after(at(Level.AUTO), ended("needs_attention"), BAR, now=NOW).level is Level.APPROVE


@pytest.mark.parametrize(
    ("verified", "failed", "bound"),
    [(0, 0, 0.05), (20, 0, 0.8671), (28, 0, 0.9019), (20, 1, 0.8019), (8, 2, 0.5299)],
)
def test_the_bound_is_the_quantile_of_the_beta_distribution(
    verified: int, failed: int, bound: float
) -> None:
    assert lower_bound(verified, failed) == pytest.approx(bound, abs=2e-4)


@given(st.integers(0, 60), st.integers(0, 20))
def test_the_bound_rises_with_every_success_and_falls_with_every_failure(
    verified: int, failed: int
) -> None:
    bound = lower_bound(verified, failed)
    assert 0 < bound < 1
    assert lower_bound(verified + 1, failed) > bound > lower_bound(verified, failed + 1)


def test_twenty_verified_outcomes_lead_one_rung_up_and_begin_anew() -> None:
    assert then(at(Level.APPROVE), *["verified"] * 19).level is Level.APPROVE
    promoted = then(at(Level.APPROVE), *["verified"] * 20)
    assert (promoted.level, promoted.version, promoted.verified) == (Level.AUTO, 1, 0)
    assert promoted.changed_by == "evidence"
    assert promoted.reason == "20 verified and 0 not: with 95 % at least 0.867 hold"


def test_many_outcomes_with_failures_among_them_are_not_enough() -> None:
    assert then(at(Level.APPROVE, failed=1), *["verified"] * 20).level is Level.APPROVE
    assert then(at(Level.APPROVE, failed=1), *["verified"] * 31).level is Level.AUTO


@pytest.mark.parametrize("verdict", ["rolled_back", "rollback_failed"])
def test_one_rollback_takes_a_rung_at_once_whatever_was_before(verdict: str) -> None:
    fallen = then(at(Level.AUTO, verified=5000), verdict)
    assert (fallen.level, fallen.version, fallen.verified) == (Level.APPROVE, 1, 0)
    assert fallen.reason == f"contract contract-1 ended as {verdict}"
    assert then(fallen, verdict).level is Level.SUGGEST
    assert then(fallen, verdict, verdict).level is Level.SUGGEST


def test_at_auto_any_effect_that_did_not_hold_takes_the_rung() -> None:
    assert then(at(Level.AUTO), "inconclusive").level is Level.APPROVE
    assert then(at(Level.APPROVE), "failed") == at(Level.APPROVE, failed=1)


def test_a_later_revision_takes_the_place_of_its_predecessor() -> None:
    standing = then(at(Level.SUGGEST), "verified")
    again = after(standing, ended("failed", before="verified"), BAR, now=NOW)
    assert (again.verified, again.failed) == (0, 1)
    assert after(standing, ended("verified", before="verified"), BAR, now=NOW) == standing


@settings(max_examples=60)
@given(st.sampled_from(Level), st.lists(st.tuples(verdicts, st.booleans()), max_size=40))
def test_nobody_rises_without_evidence_and_off_is_left_by_people_alone(
    level: Level, history: list[tuple[str, bool]]
) -> None:
    standing = at(level)
    for verdict, executed in history:
        before, counts = standing, Counter(v for v, e in history if e)
        standing = after(standing, ended(verdict, executed=executed), BAR, now=NOW)
        rungs = LADDER.index(standing.level) - LADDER.index(before.level)
        assert abs(rungs) <= 1
        assert standing.version == before.version + abs(rungs)
        if rungs > 0:
            assert (verdict, executed) == ("verified", True)
            assert counts["verified"] >= BAR.verified
        if executed and verdict in {"rolled_back", "rollback_failed"}:
            assert standing.level in {Level.OFF, Level.SUGGEST, Level.APPROVE}
        if not executed:
            assert standing == before
    assert (standing.level is Level.OFF) == (level is Level.OFF)


def test_a_bar_is_met_by_number_and_by_share() -> None:
    assert not has_earned_more(at(Level.APPROVE, verified=19), BAR)
    assert has_earned_more(at(Level.APPROVE, verified=20), BAR)
    assert not has_earned_more(at(Level.APPROVE, verified=100, failed=30), BAR)


def room(trust: Trust = TRUST, level: Level = Level.AUTO, by: str = "bot", changes: int = 1):  # type: ignore[no-untyped-def]
    (found,) = rooms(
        [Wish(KEY, changes, frozenset({by}))],
        levels={KEY: level},
        trusts=[trust],
        recent={},
        budget=9,
        now=NOW,
    )
    return found


def test_a_standing_approval_carries_what_it_was_given_for_and_nothing_else() -> None:
    assert room().trust == TRUST
    for barred in (
        room(level=Level.APPROVE),
        room(by="ADA"),  # nobody approves what they asked for
        room(changes=4),
        room(replace(TRUST, used=3)),
        room(replace(TRUST, expires_at=NOW)),
        room(replace(TRUST, revoked_at=NOW, revoked_by="bob")),
        room(replace(TRUST, key=replace(KEY, target_class="filesystem"))),
        room(replace(TRUST, key=replace(KEY, tenant_id="shop"))),
    ):
        assert barred.trust is None


@given(st.lists(st.integers(0, 3), max_size=8), st.integers(1, 6), st.integers(0, 5))
def test_plans_that_come_together_never_take_more_than_there_is(
    wanted: list[int], budget: int, recent: int
) -> None:
    found = rooms(
        [Wish(KEY, changes, frozenset({"bot"})) for changes in wanted],
        levels={KEY: Level.AUTO},
        trusts=[replace(TRUST, budget=budget)],
        recent={("default", "postgres"): recent},
        budget=9,
        now=NOW,
    )
    carried = [n for n, each in zip(wanted, found, strict=True) if each.trust is not None]
    assert sum(carried) <= budget
    assert [each.recent_changes for each in found] == sorted(e.recent_changes for e in found)
    assert all(each.change_budget == 9 for each in found)
