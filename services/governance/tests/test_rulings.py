"""What becomes of a plan: the shipped policies, tiers, and the worst action of all."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.governance.domain.facts import Facts, facts_from
from grace.governance.domain.rulebook import Document, Kind, Question, Rulebook, compile_rulebook
from grace.governance.domain.ruling import Outcome, Ruling, refused, rule
from grace.governance.domain.tiers import Limits, Tier, approvers_needed, highest, tiering
from grace.governance.handlers.rulebooks import Shipped

SHIPPED = Shipped.read()
LIMITS = Limits(frozenset({"production"}), blast_radius=5)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEVERITY = [Outcome.GRANTED, Outcome.ASKED, Outcome.REFUSED]


def book(*stored: Document) -> Rulebook:
    return compile_rulebook(SHIPPED.with_stored(stored), SHIPPED.schema)


SHIPPED_BOOK = book()


def facts(tier: int, **more: object) -> Facts:
    told = {"operation_tier": tier, "environment": "demo", **more}
    return facts_from(told, Limits(frozenset(), blast_radius=5))


def ruled(*actions: Facts, rulebook: Rulebook = SHIPPED_BOOK) -> Ruling:
    return rule(rulebook, [actions])[0]


@pytest.mark.parametrize(
    ("tier", "outcome", "people"),
    [(1, Outcome.GRANTED, 0), (2, Outcome.ASKED, 1), (3, Outcome.ASKED, 2)],
)
def test_the_shipped_policies_ask_as_many_people_as_a_tier_needs(
    tier: int, outcome: Outcome, people: int
) -> None:
    ruling = ruled(facts(tier))
    assert (ruling.outcome, ruling.quorum, ruling.tier) == (outcome, people, Tier(tier))
    assert ruling.because
    assert ruling.rulebook_hash == SHIPPED_BOOK.content_hash


def test_a_ruling_names_the_policies_that_decided() -> None:
    assert ruled(facts(1)).rules == ("people-may-approve", "harmless-runs-alone")
    assert ruled(facts(3)).rules == ("constitution.dangerous-needs-people",)
    assert "constitution.dangerous-needs-people: tier 3 never runs without people" in (
        ruled(facts(3)).because
    )
    assert "constitution.changes-need-a-standing-approval" in ruled(facts(2)).rules
    nothing = Document("defaults", Kind.POLICY, '@id("run") permit (principal, action, resource)'
                       ' when { context.tier > 1 };')  # fmt: skip
    silent = ruled(facts(1), rulebook=book(nothing))
    assert silent.because[1:] == ("no policy permits it",)


def test_no_document_lets_a_change_run_without_people() -> None:
    generous = Document("generous", Kind.POLICY, '@id("all") permit (principal, action, resource);')
    for tier in (2, 3):
        assert ruled(facts(tier), rulebook=book(generous)).outcome is Outcome.ASKED
    trusted = facts(3, autonomy="auto", standing_approval=True, change_budget=9)
    assert ruled(trusted, rulebook=book(generous)).outcome is Outcome.ASKED


TRUSTED = {"autonomy": "auto", "standing_approval": True, "change_budget": 3, "recent_changes": 2}


def test_at_auto_a_change_runs_under_a_standing_approval_and_within_its_window() -> None:
    ruling = ruled(facts(2, **TRUSTED))
    assert (ruling.outcome, ruling.quorum) == (Outcome.GRANTED, 0)
    assert "earned-autonomy" in ruling.rules
    for less, decided_by in (
        ({"autonomy": "approve"}, "constitution.changes-need-a-standing-approval"),
        ({"standing_approval": False}, "constitution.changes-need-a-standing-approval"),
        ({"recent_changes": 3}, "constitution.so-much-in-a-window"),
        ({"actions": 2}, "constitution.so-much-in-a-window"),
    ):
        ruling = ruled(facts(2, **(TRUSTED | less)))
        assert (ruling.outcome, ruling.rules) == (Outcome.ASKED, (decided_by,)), less


def test_the_bounds_of_automation_hold_whatever_was_earned() -> None:
    generous = book(
        Document("generous", Kind.POLICY, '@id("all") permit (principal, action, resource);')
    )
    for more, outcome, decided_by in (
        ({"brake": True}, Outcome.ASKED, "constitution.the-brake-holds"),
        ({"recent_on_target": 3, "on_target": 2, "target_budget": 4}, Outcome.ASKED,
         "constitution.so-much-on-a-target"),
        ({"targets": 21, "most_targets": 20}, Outcome.REFUSED, "constitution.no-more-targets"),
    ):  # fmt: skip
        ruling = ruled(replace(facts(1), **more), rulebook=generous)
        assert (ruling.outcome, ruling.rules) == (outcome, (decided_by,)), more
    at_most = replace(facts(1), targets=20, recent_on_target=3, on_target=1, target_budget=4)
    assert ruled(at_most, rulebook=generous).outcome is Outcome.GRANTED


@pytest.mark.parametrize("tier", [1, 2, 3])
def test_off_refuses_everything_and_suggest_asks_about_everything(tier: int) -> None:
    off = ruled(facts(tier, **(TRUSTED | {"autonomy": "off"})))
    assert (off.outcome, off.rules) == (Outcome.REFUSED, ("constitution.off-is-off",))
    suggest = ruled(facts(tier, **(TRUSTED | {"autonomy": "suggest"})))
    assert suggest.outcome is Outcome.ASKED
    assert "constitution.suggest-asks" in suggest.rules


def test_what_a_constitution_forbids_no_approval_lifts() -> None:
    frozen = Document(
        "freeze",
        Kind.CONSTITUTION,
        '@id("freeze") @why("the books are closed")\n'
        'forbid (principal, action == Action::"run", resource in Environment::"production");',
    )
    # Neither people, nor a standing approval with budget left, nor that it harms nothing.
    for tier, known in ((1, {}), (2, {}), (2, TRUSTED), (3, {})):
        ruling = ruled(
            facts(tier, **(known | {"environment": "production"})), rulebook=book(frozen)
        )
        assert (ruling.outcome, ruling.rules) == (Outcome.REFUSED, ("freeze",))
        assert ruling.because[-1] == "freeze: the books are closed"
        assert ruled(facts(tier, **known), rulebook=book(frozen)).outcome is not Outcome.REFUSED


def test_where_a_policy_asks_about_something_harmless_one_person_is_asked() -> None:
    careful = Document(
        "careful",
        Kind.POLICY,
        '@id("ask") forbid (principal, action == Action::"run_unattended", resource);',
    )
    ruling = ruled(facts(1), rulebook=book(careful))
    assert (ruling.outcome, ruling.quorum, ruling.tier) == (Outcome.ASKED, 1, Tier.HARMLESS)


def test_the_defaults_can_be_replaced_and_the_constitution_stays() -> None:
    none = Document("defaults", Kind.POLICY, "// nothing is permitted")
    assert ruled(facts(1), rulebook=book(none)).outcome is Outcome.REFUSED
    assert "constitution.dangerous-needs-people" in book(none).rules


def test_what_nobody_can_judge_is_refused() -> None:
    ruling = refused([facts(1), facts(2)], "the policies cannot be read")
    assert (ruling.outcome, ruling.because) == (Outcome.REFUSED, ("the policies cannot be read",))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_a_plan_is_as_dangerous_as_its_worst_action_and_that_decides(tiers: list[int]) -> None:
    ruling = ruled(*(facts(tier) for tier in tiers))
    alone = [ruled(facts(tier)) for tier in tiers]
    assert ruling.tier == highest(Tier(tier) for tier in tiers) == max(tiers)
    assert ruling.outcome is max((each.outcome for each in alone), key=SEVERITY.index)
    assert ruling.quorum == max(each.quorum for each in alone)


@given(
    st.sampled_from(Tier),
    st.booleans(),
    st.sampled_from(["demo", "production", "unknown"]),
    st.integers(1, 20),
)
def test_a_tier_is_never_below_the_operations_own_and_says_what_raised_it(
    own: Tier, reversible: bool, environment: str, targets: int
) -> None:
    found = tiering(
        own, reversible=reversible, environment=environment, targets=targets, limits=LIMITS
    )
    raised = [not reversible and environment != "demo", targets > 5]
    if own is Tier.HARMLESS:
        assert (found.tier, found.raised_by) == (own, ())
    else:
        assert found.tier == min(own + sum(raised), 3)
        assert len(found.raised_by) == sum(raised)


def test_a_raised_tier_says_why_in_the_ruling() -> None:
    raised = replace(facts(3), raised_by="its plan changes 7 targets, more than 5")
    assert "its plan changes 7 targets" in ruled(raised).because[0]


def test_every_fact_but_the_target_can_be_spoken_of() -> None:
    for name in facts(1).context():
        assert f"  {name}: " in SHIPPED.schema
    assert set(Question) == {"run", "run_unattended"}
    assert [approvers_needed(tier) for tier in Tier] == [0, 1, 2]
