"""The verdict over every sequence of takes that hypothesis can think of."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.verification.domain.advance import next_step
from grace.verification.domain.contract import (
    Baseline,
    Comparison,
    Direction,
    DistributionTest,
    Expectation,
    Measure,
    Measurement,
    flaw,
)
from grace.verification.domain.decision import Close, Undo, Wait
from grace.verification.domain.evidence import actual_state, expected_state
from grace.verification.domain.findings import Verdict, confidence, verdict
from grace.verification.domain.lifecycle import Event
from grace.verification.domain.tally import Standing, Take, Taken, explain, tally
from grace.verification.domain.task import Step
from grace.verification.domain.verdict import Measured, Unmeasured, judge

QUEUE = Expectation("queue", Comparison.AT_MOST, 10.0)
MEASUREMENT = Measurement("http.get", "shop-web", '{"path":"/health"}', 5000)
VALUES = st.sampled_from([0, 3.5, 10, 10.5, 1e12, math.nan, math.inf, None, True, "0", [1]])
# None: not in yet. What ended, was late or went wrong is told by its reason and nothing else.
READINGS = st.sampled_from(
    [None, Unmeasured("timeout"), Unmeasured("terminated"), Unmeasured("it came too late")]
) | st.builds(Measured, st.fixed_dictionaries({}, optional={"queue": VALUES}))
PRIMARY = st.sampled_from([{"waiting": 0}, {"waiting": 9}, {"waiting": math.nan}, {}, None])


def measure(**changes):
    return replace(Measure("web", MEASUREMENT, (QUEUE,), count=3), **changes)


def good(value=1.0):
    return Measured({"queue": value})


def tallied(wanted, *readings, baseline=None):
    takes = [Take(wanted.name, place, each) for place, each in enumerate(readings, 1)]
    return tally(wanted, takes, baseline)


MEASURES = st.builds(
    measure,
    count=st.integers(1, 4),
    failures_at_most=st.integers(0, 2),
    inconclusives_at_most=st.integers(0, 2),
    errors_at_most=st.integers(0, 2),
    successes_at_least=st.integers(1, 4),
    dry_run=st.booleans(),
).filter(lambda each: each.successes_at_least <= each.count)  # no contract is drawn up with another


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_verified_only_if_executed_measured_and_matching_in_every_measure_that_counts(data):
    """Error, NaN, missing, terminated, late: each take alone may be any of them."""
    wanted = data.draw(st.lists(MEASURES, max_size=3))
    readings = [[data.draw(READINGS) for _ in range(each.count)] for each in wanted]
    found = [tallied(each, *brought) for each, brought in zip(wanted, readings, strict=True)]
    state, executed = data.draw(PRIMARY), data.draw(st.booleans())
    primary = judge(
        [Expectation("waiting", Comparison.AT_MOST, 0.0)],
        Unmeasured("timeout") if state is None else Measured(state),
        {},
    )
    said = verdict(primary, found, executed=executed)
    sure = confidence(primary, found, executed=executed)
    assert 0.0 <= sure <= 1.0
    if said is Verdict.VERIFIED:
        assert executed
        assert state == {"waiting": 0}
        assert sure > 0.0
        for each, brought, its in zip(wanted, readings, found, strict=True):
            if not each.dry_run:
                assert None not in brought
                assert holds(each, brought)
            # What only informs may have failed for good before all of it is in.
            assert None not in brought or its.standing is Standing.FAILED
    elif said is not None:  # None: takes are still to come, and nobody is told how sure that is
        assert sure < 1.0
    if not executed or (state is None and not any(each.measured for each in found)):
        assert sure == 0.0


def holds(wanted, readings):
    """The rule of a measure, written a second time in another way."""
    numbers = [
        each.state.get("queue")
        for each in readings
        if isinstance(each, Measured) and type(each.state.get("queue")) in {int, float}
    ]
    finite = [value for value in numbers if math.isfinite(value)]
    succeeded = sum(value <= 10.0 for value in finite)
    errors = sum(isinstance(each, Unmeasured) for each in readings)
    return (
        succeeded >= wanted.successes_at_least
        and len(finite) - succeeded <= wanted.failures_at_most
        and errors <= wanted.errors_at_most
        and len(readings) - errors - len(finite) <= wanted.inconclusives_at_most
    )


class TestTakes:
    def test_all_of_them_are_waited_for(self):
        assert tallied(measure(), good(), good(), None).standing is Standing.PENDING
        assert tallied(measure(), good(), good(), good()).standing is Standing.HOLDS

    def test_measured_drift_decides_at_once(self):
        assert tallied(measure(), good(99), None, None).standing is Standing.FAILED

    def test_a_lost_take_decides_nothing_before_the_others_are_in(self):
        lost = tallied(measure(), Unmeasured("down"), None, None)
        assert lost.standing is Standing.PENDING
        assert tallied(measure(), Unmeasured("down"), good(99)).standing is Standing.FAILED

    @pytest.mark.parametrize("reading", [Unmeasured("down"), Measured({}), good(math.nan)])
    def test_what_the_limits_allow_to_be_lost_is_lost(self, reading):
        allowing = {"errors_at_most": 1, "inconclusives_at_most": 1, "successes_at_least": 2}
        found = tallied(measure(**allowing), good(), reading, good())
        assert found.standing is Standing.HOLDS
        assert tallied(measure(), good(), reading, good()).standing is Standing.INCONCLUSIVE

    def test_one_failure_may_be_allowed_and_a_second_one_not(self):
        wanted = measure(failures_at_most=1, successes_at_least=2)
        assert tallied(wanted, good(), good(99), good()).standing is Standing.HOLDS
        assert tallied(wanted, good(99), good(99), None).standing is Standing.FAILED

    def test_a_source_that_is_down_is_inconclusive_however_much_is_allowed(self):
        wanted = measure(errors_at_most=3, successes_at_least=1)
        down = tallied(wanted, *[Unmeasured("refused")] * 3)
        assert down.standing is Standing.INCONCLUSIVE
        assert explain(down) == "web: inconclusive (3 error of 3); refused"

    def test_each_says_what_it_was(self):
        found = tallied(measure(count=4), good(), good(11), Measured({}), Unmeasured("x"))
        counts = [found.count(what) for what in Taken]
        assert counts == [1, 1, 1, 1]
        assert "queue measured 11, expected at most 10" in explain(found)


class TestConfidence:
    PRIMARY = judge([Expectation("f", Comparison.AT_MOST, 1.0)], Measured({"f": 0}), {})

    def test_it_is_the_share_that_holds_times_the_share_that_was_measured(self):
        wanted = measure(errors_at_most=1, successes_at_least=2)
        lost = tallied(wanted, good(), Unmeasured("x"), good())
        # Two of two expectations hold; three of four takes, the primary one included, were made.
        assert confidence(self.PRIMARY, [lost], executed=True) == pytest.approx(2 / 2 * 3 / 4)
        broken = tallied(measure(failures_at_most=1), good(), good(99), good())
        assert confidence(self.PRIMARY, [broken], executed=True) == pytest.approx(
            (1 + 2 / 3) / 2 * 4 / 4
        )

    def test_a_dry_run_counts_for_nothing(self):
        dry = tallied(measure(dry_run=True), good(99), Unmeasured("x"), good(99))
        assert verdict(self.PRIMARY, [dry], executed=True) is Verdict.VERIFIED
        assert confidence(self.PRIMARY, [dry], executed=True) == 1.0

    def test_nothing_executed_is_no_confidence(self):
        whole = tallied(measure(), good(), good(), good())
        assert confidence(self.PRIMARY, [whole], executed=False) == 0.0


class TestDistributions:
    TEST = DistributionTest("latency", Direction.NOT_HIGHER, 0.01)

    def found(self, after, before, test=TEST):
        wanted = measure(expectations=(), distributions=(test,), count=1)
        samples = {"latency": tuple(before)} if before else {}
        baseline = Baseline("b", {}, None, samples)
        return tallied(wanted, Measured({"latency": after}), baseline=baseline)

    def test_one_that_has_moved_the_wrong_way_has_failed(self):
        slow = self.found([20.0 + each for each in range(10)], range(10))
        assert slow.standing is Standing.FAILED
        assert "has moved: p 5.413e-06 over 10 against 10 samples" in explain(slow)
        faster = replace(self.TEST, direction=Direction.NOT_LOWER)
        moved = self.found([20.0 + each for each in range(10)], range(10), faster)
        assert moved.standing is Standing.HOLDS

    def test_one_that_has_not_moved_holds(self):
        same = self.found([each + 0.5 for each in range(10)], range(10))
        assert same.standing is Standing.HOLDS
        assert same.held == same.expected == 1

    def test_too_few_samples_prove_nothing(self):
        assert self.found([1.0, 2.0], [1.0, 2.0]).standing is Standing.INCONCLUSIVE

    def test_without_a_baseline_or_a_number_nobody_knows(self):
        assert self.found([1.0], []).standing is Standing.INCONCLUSIVE
        assert self.found(["x", None, math.nan], range(10)).standing is Standing.INCONCLUSIVE

    def test_a_list_with_a_gap_is_no_sample(self):
        whole = [each + 0.5 for each in range(10)]
        assert self.found(whole, range(10)).standing is Standing.HOLDS
        for gap in (None, math.nan, "x", True):
            assert self.found([*whole, gap], range(10)).standing is Standing.INCONCLUSIVE

    def test_the_samples_of_all_takes_are_one_distribution(self):
        wanted = measure(expectations=(), distributions=(self.TEST,), count=2)
        baseline = Baseline("b", {}, None, {"latency": tuple(map(float, range(8)))})
        readings = [Measured({"latency": [each, each + 0.5]}) for each in (100.0, 200.0)]
        assert "4 against 8 samples" in explain(tallied(wanted, *readings, baseline=baseline))

    def test_takes_without_numbers_prove_nothing_beyond_what_may_lack_them(self):
        whole, empty = Measured({"latency": list(range(10))}), Measured({"latency": None})
        baseline = Baseline("b", {}, None, {"latency": tuple(map(float, range(10)))})
        wanted = measure(expectations=(), distributions=(self.TEST,))
        found = tallied(wanted, whole, empty, empty, baseline=baseline)
        assert found.standing is Standing.INCONCLUSIVE
        assert "latency has no numbers in 2 of 3 takes" in explain(found)
        allowed = replace(wanted, inconclusives_at_most=2)
        holds = tallied(allowed, whole, empty, empty, baseline=baseline)
        assert holds.standing is Standing.HOLDS

    def test_the_last_take_counts_however_many_numbers_came_before(self):
        good, bad = Measured({"latency": [5.0] * 1000}), Measured({"latency": [9.0] * 1000})
        baseline = Baseline("b", {}, None, {"latency": (5.0,) * 100})
        wanted = measure(expectations=(), distributions=(self.TEST,), count=2)
        assert tallied(wanted, good, bad, baseline=baseline).standing is Standing.FAILED

    def test_a_list_that_is_too_long_to_look_at_is_no_sample(self):
        assert self.found([5.0] * 1001, range(10)).standing is Standing.INCONCLUSIVE


class TestTheContract:
    def facts(self, make, *readings):
        contract = make.contract(action=make.action(measures=(measure(),)))
        takes = tuple(Take("web", place, each) for place, each in enumerate(readings, 1))
        return make.at(Step.MEASURE, contract=contract, takes=takes)

    def decide(self, make, *readings):
        facts = self.facts(make, *readings)
        report = make.succeeded(make.good)
        return next_step(facts, report, now=make.now, limits=make.limits)

    def test_a_contract_waits_for_the_takes_of_its_plan(self, make):
        assert self.decide(make, good(), None, None) == Wait()
        assert self.decide(make) == Wait()

    def test_it_is_verified_when_the_whole_plan_holds(self, make):
        decision = self.decide(make, good(), good(), good(4))
        assert isinstance(decision, Close)
        assert decision.event is Event.VERIFY
        assert decision.findings.actual["web.queue"] == 4
        assert (
            decision.findings.actual["benchmark_metrics"]["measures"]["web"]["standing"] == "holds"
        )

    def test_it_is_undone_when_the_plan_shows_drift(self, make):
        assert isinstance(self.decide(make, good(99), None, None), Undo)

    def test_it_is_left_open_when_the_source_is_down(self, make):
        decision = self.decide(make, good(), Unmeasured("refused"), good())
        assert decision.event is Event.LEAVE_OPEN
        assert decision.findings.actual["error_resolved"] is False

    def test_expected_and_actual_state_have_the_same_fields(self, make):
        facts = self.facts(make, good(), good(), good())
        primary = judge(facts.contract.action.expectations, Measured(make.good), {})
        expected = expected_state(facts.contract)
        for found in ((), [tallied(measure(), good(), good(), good())]):
            actual = actual_state(facts.contract, primary, found, executed=True, execution={})
            assert set(actual) == set(expected)
        assert expected["web.queue"] == 10.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expectations": ()}, "expects nothing"),
        ({"successes_at_least": 4}, "can never have 4 of 3"),
        ({"interval": timedelta(hours=1)}, "takes longer than 1:00:00"),
        ({"expectations": (Expectation("f", Comparison.UNSPECIFIED, 1.0),)}, "not known here"),
        ({"distributions": (DistributionTest("f", Direction.NOT_LOWER, 0.0),)}, "alpha"),
        ({"count": 501}, "more than 500 times"),
    ],
)
def test_a_plan_that_could_decide_nothing_is_never_contracted(make, changes, words):
    found = flaw(make.plan(make.action(measures=(measure(**changes),))))
    assert words in (found or "")


def test_two_measures_of_one_name_are_refused_and_a_dry_run_may_expect_nothing(make):
    twice = make.action(measures=(measure(), measure()))
    assert "same name" in (flaw(make.plan(twice)) or "")
    dry = make.action(measures=(measure(expectations=(), dry_run=True),))
    assert flaw(make.plan(dry)) is None
