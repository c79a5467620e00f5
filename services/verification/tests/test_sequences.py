"""A contract driven through every sequence of reports that hypothesis can think of."""

import json
import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st

from grace.verification.domain import contract as promised
from grace.verification.domain.advance import next_step, on_refused
from grace.verification.domain.decision import (
    Attend,
    Close,
    Compare,
    LookAgain,
    Measure,
    MeasureAgain,
    Submit,
    TakeHold,
    Undo,
    Wait,
)
from grace.verification.domain.facts import Facts, Snapshot
from grace.verification.domain.lifecycle import FINAL, Event, Status, after
from grace.verification.domain.state import digest
from grace.verification.domain.tally import Take
from grace.verification.domain.task import Attempt, Outcome, Report, Step
from grace.verification.domain.verdict import Measured, Unmeasured

ENDS = FINAL | {Status.NEEDS_ATTENTION}
BEFORE, AFTER = {"value": None}, {"value": "5ms"}

VALUES = st.sampled_from(
    [0, 0.0, 0.04, 0.5, 79.0, 95.0, 1e12, math.nan, math.inf, None, True, False, "0"]
)
MEASURED = st.fixed_dictionaries(
    {}, optional={"waiting": VALUES, "throughput": VALUES, "error_rate": VALUES}
).map(json.dumps) | st.just('{"waiting": 0, "throughput": 95.0, "error_rate": 0.0}')
APPLIED = st.sampled_from([{"before": BEFORE, "after": AFTER}, {"before": BEFORE}, {}]).map(
    json.dumps
)
OBSERVED = st.sampled_from([BEFORE, AFTER, {"value": 0}]).map(json.dumps)
RESULTS = st.none() | MEASURED | APPLIED | OBSERVED | st.sampled_from(["", "[]", "null"])
ERRORS = st.sampled_from([None, "blocked: no permit", "connection lost", "Changed by somebody"])
ATTEMPTS = st.lists(st.builds(Attempt, st.just("failed"), ERRORS), max_size=3).map(tuple)


# What each step reports when all is well, so that the good ends are met as often as the bad ones.
WELL = {
    Step.APPLY: json.dumps({"before": BEFORE, "after": AFTER}),
    Step.MEASURE: '{"waiting": 0, "throughput": 95.0, "error_rate": 0.0}',
    Step.REVERT: "{}",
    Step.COMPARE: json.dumps(AFTER),
    Step.RESTORED: json.dumps(BEFORE),
    Step.REMEASURE: '{"waiting": 3, "throughput": 95.0, "error_rate": 0.0}',
}


DRIFTING = {**WELL, Step.MEASURE: '{"waiting": 9, "throughput": 95.0, "error_rate": 0.0}'}


@st.composite
def spoiled(draw, text):
    """The same result with one value replaced by another, or by something that is none."""
    state = json.loads(text) or {"waiting": 0}
    state[draw(st.sampled_from(sorted(state)))] = draw(VALUES)
    return json.dumps(state).replace("Infinity", draw(st.sampled_from(["Infinity", "1e999"])))


@st.composite
def reports(draw, step, well):
    if step is not None and draw(st.integers(0, 9)) < 7:
        result = draw(st.sampled_from([well[step], well[step], draw(spoiled(well[step]))]))
        return Report(Outcome.SUCCEEDED, 1, result=result)
    return Report(
        outcome=draw(st.sampled_from(list(Outcome))),
        attempt_number=draw(st.integers(0, 3)),
        attempts=draw(ATTEMPTS),
        error=draw(ERRORS),
        error_class=draw(st.sampled_from([None, "system", "nonretryable"])),
        result=draw(RESULTS),
    )


@dataclass
class Play:
    """A contract, the clock, and what happened to it: the test's own account."""

    facts: Facts
    now: datetime
    told: list[tuple[Step | None, Report]] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    wanted: str = ""
    refused: bool | None = None

    def step(self, report, limits):
        decision = next_step(self.facts, report, now=self.now, limits=limits)
        if report is not None and not isinstance(decision, Submit | Wait):
            self.told.append((self.facts.step, report))
        self.obey(decision)
        return decision

    def obey(self, decision):  # noqa: C901 - one case per decision
        match decision:
            case Wait():
                pass
            case TakeHold(wanted):
                self.go(Event.HOLD, Step.APPLY, wanted)
            case Submit() if self.refused is not None:
                self.obey(on_refused(self.facts, "refused", may_exist=self.refused))
            case Submit():
                self.submitted.append(self.wanted)
                if self.facts.status is Status.HOLDING:
                    self.facts = replace(self.facts, status=Status.EXECUTING)
                self.facts = replace(self.facts, submitted=True)
            case Measure(applied, wanted, event):
                self.snapshot(applied.before, applied.after)
                self.go(event, Step.MEASURE, wanted)
            case Undo(_, wanted, before, event):
                if before is not None:
                    self.snapshot(before, None)
                self.go(event, Step.REVERT, wanted)
            case Compare(refusal, wanted):
                self.facts = replace(self.facts, refusal=refusal)
                self.go(None, Step.COMPARE, wanted)
            case LookAgain(wanted, event):
                self.go(event, Step.RESTORED, wanted)
            case MeasureAgain(observed, wanted):
                self.facts = replace(self.facts, observed_again=observed)
                self.go(None, Step.REMEASURE, wanted)
            case Close(event) | Attend(event=event):
                self.facts = replace(self.facts, status=after(self.facts.status, event))

    def go(self, event, step, wanted):
        status = after(self.facts.status, event) if event else self.facts.status
        self.wanted = wanted.key
        self.facts = replace(
            self.facts, status=status, step=step, submitted=False, step_since=self.now
        )

    def snapshot(self, before, left):
        self.facts = replace(self.facts, snapshot=Snapshot(digest(before), before, left))

    def succeeded(self, step):
        return [
            report
            for told, report in self.told
            if told is step and report.outcome is Outcome.SUCCEEDED
        ]


def play(data, make, *, well=WELL):
    """Let the contract run until it ends; a report may be missing, wrong, late or nonsense."""
    facts = make.facts(
        contract=make.contract(baseline=data.draw(st.sampled_from([make.baseline()] * 4 + [None]))),
        permitted_to_revert=well is DRIFTING or data.draw(st.booleans()),
    )
    run = Play(facts, make.now)
    for _ in range(40):
        if run.facts.status in ENDS:
            break
        run.refused = data.draw(st.sampled_from([None] * 18 + [True, False]))
        run.now += timedelta(seconds=data.draw(st.sampled_from([0, 1, 1, 1, 1, 60, 130])))
        run.step(told(data, run, well), make.limits)
    event(run.facts.status)
    return run


def told(data, run, well):
    """What htm says of the task: mostly something, now and then nothing."""
    if data.draw(st.integers(0, 9)) == 0:
        return None
    report = data.draw(reports(run.facts.step, well))
    ended = run.now - timedelta(seconds=data.draw(st.sampled_from([0, 1, 60])))
    return replace(report, finished_at=data.draw(st.sampled_from([ended, ended, ended, None])))


def field_holds(name, rule, text):
    value = json.loads(text).get(name)
    return type(value) in {int, float} and math.isfinite(value) and rule(value)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_verified_only_if_executed_measured_in_time_and_matching(data, make):
    run = play(data, make)
    if run.facts.status is not Status.VERIFIED:
        return
    (applied,) = run.succeeded(Step.APPLY)
    assert {"before", "after"} <= set(json.loads(applied.result))
    (measured,) = run.succeeded(Step.MEASURE)
    assert measured.finished_at <= run.facts.step_since + make.limits.measure_within
    assert run.facts.contract.baseline is not None
    assert field_holds("waiting", lambda value: value <= 0, measured.result)
    assert field_holds("throughput", lambda value: value >= 80, measured.result)
    assert field_holds("error_rate", lambda value: value <= 0.05, measured.result)
    assert run.facts.snapshot is not None


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_verified_only_if_every_take_of_the_plan_was_measured_and_matches(data, make):
    """The takes come in at any moment and in any order, late, lost, as nonsense, or never."""
    queue = promised.Expectation("queue", promised.Comparison.AT_MOST, 10.0)
    page = promised.Measurement("http.get", "web", "{}", 1000)
    plan = promised.Measure("web", page, (queue,), count=3, successes_at_least=3)
    run = Play(make.facts(contract=make.contract(action=make.action(measures=(plan,)))), make.now)
    for _ in range(25):
        if run.facts.status in ENDS:
            break
        run.facts = replace(run.facts, takes=more_takes(data, run.facts.takes))
        report = None if run.facts.step is None else make.succeeded(WELL[run.facts.step])
        run.step(report, make.limits)
    event(run.facts.status)
    if run.facts.status is Status.VERIFIED:
        assert all(isinstance(take.reading, Measured) for take in run.facts.takes)
        queues = [take.reading.state["queue"] for take in run.facts.takes]
        assert len(queues) == 3
        assert all(type(each) in {int, float} and each <= 10 for each in queues)


def more_takes(data, takes):
    """What was not in yet may come in now."""
    known = {take.number for take in takes}
    coming = st.sampled_from([Measured({"queue": 3})] * 12 + [None] * 4) | st.builds(
        lambda value: Measured({"queue": value}), VALUES
    )
    lost = st.sampled_from([Unmeasured("late"), Unmeasured("down"), Measured({})])
    drawn = {
        number: data.draw(coming | lost if data.draw(st.integers(0, 5)) == 0 else coming)
        for number in (1, 2, 3)
        if number not in known
    }
    new = (Take("web", number, found) for number, found in drawn.items() if found is not None)
    return (*takes, *new)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rolled_back_only_if_reverted_and_measured_to_be_as_before(data, make):
    run = play(data, make, well=DRIFTING)
    if run.facts.status is not Status.ROLLED_BACK:
        return
    assert run.succeeded(Step.REVERT)
    (observed,) = run.succeeded(Step.RESTORED)
    assert json.loads(observed.result) == json.loads(run.facts.snapshot.before)
    (measured,) = run.succeeded(Step.REMEASURE)
    assert field_holds("throughput", lambda value: value >= 80, measured.result)
    assert field_holds("error_rate", lambda value: value <= 0.05, measured.result)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_every_contract_ends_or_rests_once_its_tasks_do(data, make):
    run = play(data, make)
    run.refused = None
    for _ in range(12):
        if run.facts.status in ENDS:
            break
        report = data.draw(reports(run.facts.step, WELL))
        if report.outcome is Outcome.PENDING:
            report = replace(report, outcome=Outcome.DEAD_LETTER)
        run.step(replace(report, finished_at=run.now), make.limits)
    assert run.facts.status in ENDS
    assert next_step(run.facts, None, now=run.now, limits=make.limits) == Wait()


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_nothing_is_undone_without_permission_and_a_stored_before_state(data, make):
    run = play(data, make, well=data.draw(st.sampled_from([WELL, DRIFTING])))
    reverts = [key for key in run.submitted if key.endswith(":revert")]
    if reverts:
        assert run.facts.permitted_to_revert
        assert run.facts.snapshot is not None


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_whatever_is_submitted_again_is_the_same_task(data, make):
    run = play(data, make)
    name = run.facts.contract.contract_id
    order = [
        f"{name}:{word}"
        for word in ("apply", "measure:1", "revert", "compare", "restored", "measure:2")
    ]
    positions = [order.index(key) for key in run.submitted]
    assert positions == sorted(positions)
