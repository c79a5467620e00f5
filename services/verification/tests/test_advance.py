import json
from dataclasses import replace
from datetime import timedelta

import pytest

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
from grace.verification.domain.lifecycle import FINAL, Event, Status
from grace.verification.domain.saga import Turn
from grace.verification.domain.task import Attempt, Mode, Outcome, Report, Step

ENDS = FINAL | {Status.NEEDS_ATTENTION}
BEFORE, AFTER = {"value": None}, {"value": "5ms"}


def decide(make, facts, report=None, *, now=None):
    return next_step(facts, report, now=now or make.now, limits=make.limits)


class TestBeforeItActs:
    def test_a_contract_whose_turn_it_is_takes_its_target(self, make):
        for status in (Status.APPROVED, Status.WAITING):
            decision = decide(make, make.facts(status))
            assert isinstance(decision, TakeHold)
            assert decision.wanted.mode is Mode.APPLY

    def test_a_contract_whose_turn_is_later_waits(self, make):
        assert decide(make, make.facts(turn=Turn.LATER)) == Wait()

    def test_a_contract_that_holds_its_target_submits_its_task(self, make):
        assert decide(make, make.facts(Status.HOLDING, step=Step.APPLY)) == Submit()

    def test_nothing_is_decided_about_drafts_and_ends(self, make):
        for status in (Status.DRAFTED, *ENDS):
            assert decide(make, make.facts(status)) == Wait()

    @pytest.mark.parametrize("step", list(Step))
    def test_a_task_that_htm_does_not_know_is_submitted_again(self, make, step):
        assert decide(make, make.at(step)) == Submit()
        assert decide(make, make.at(step, submitted=False), make.failed("x")) == Submit()

    @pytest.mark.parametrize("step", list(Step))
    def test_a_task_that_is_under_way_is_waited_for(self, make, step):
        assert decide(make, make.at(step), Report(Outcome.PENDING, 1)) == Wait()

    def test_an_action_that_htm_refuses_is_blocked(self, make):
        facts = make.facts(Status.HOLDING, step=Step.APPLY)
        decision = on_refused(facts, "no such kernel", may_exist=False)
        assert isinstance(decision, Close)
        assert decision.event is Event.BLOCK
        assert not decision.findings.executed

    def test_an_action_whose_key_is_another_tasks_needs_a_person(self, make):
        holding = make.facts(Status.HOLDING, step=Step.APPLY)
        assert isinstance(on_refused(holding, "x", may_exist=True), Attend)
        assert isinstance(on_refused(make.at(Step.APPLY), "x", may_exist=False), Attend)

    def test_a_revert_that_htm_refuses_needs_a_person(self, make):
        assert isinstance(on_refused(make.at(Step.REVERT), "x", may_exist=False), Attend)

    def test_a_measurement_that_htm_refuses_was_not_taken(self, make):
        refused = on_refused(make.at(Step.MEASURE), "x", may_exist=False)
        assert refused.event is Event.LEAVE_OPEN
        for step in (Step.RESTORED, Step.REMEASURE):
            decision = on_refused(make.at(step), "x", may_exist=True)
            assert decision.event is Event.FAIL_ROLLBACK


class TestAfterTheApply:
    def test_success_is_measured(self, make):
        decision = decide(make, make.at(Step.APPLY), make.succeeded(make.applied()))
        assert isinstance(decision, Measure)
        assert decision.wanted.operation == "postgres.activity"
        assert json.loads(decision.applied.before) == make.before

    def test_success_without_its_states_is_a_failure(self, make):
        decision = decide(make, make.at(Step.APPLY), make.succeeded({"result": {}}))
        assert isinstance(decision, Close)
        assert decision.event is Event.FAIL
        assert decision.findings.confidence == 0.0

    def test_a_refusal_before_it_acted_is_blocked(self, make):
        decision = decide(make, make.at(Step.APPLY), make.failed("blocked: capability refused"))
        assert isinstance(decision, Close)
        assert decision.event is Event.BLOCK
        assert not decision.findings.executed
        assert "capability refused" in decision.reason

    def test_a_task_cancelled_before_it_began_is_cancelled(self, make):
        report = make.failed("", Outcome.CANCELLED, attempt_number=0)
        assert decide(make, make.at(Step.APPLY), report).event is Event.CANCEL

    def test_a_task_that_nobody_began_in_time_is_expired(self, make):
        report = make.failed("", Outcome.EXPIRED, attempt_number=0)
        assert decide(make, make.at(Step.APPLY), report).event is Event.EXPIRE

    @pytest.mark.parametrize(
        "outcome", [Outcome.FAILED, Outcome.DEAD_LETTER, Outcome.EXPIRED, Outcome.CANCELLED]
    )
    def test_an_unknown_effect_with_a_before_state_is_undone(self, make, outcome):
        report = make.failed("connection lost", outcome, result='{"before": {"value": null}}')
        decision = decide(make, make.at(Step.APPLY), report)
        assert isinstance(decision, Undo)
        assert decision.wanted.before == decision.before == '{"value":null}'
        assert decision.wanted.after is None

    @pytest.mark.parametrize("end", ["lapsed", "timeout"])
    def test_an_effect_that_nobody_looked_for_needs_a_person(self, make, end):
        attempts = (Attempt(end, None), Attempt("failed", "connection refused"))
        report = make.failed("gone", Outcome.DEAD_LETTER, attempt_number=2, attempts=attempts)
        decision = decide(make, make.at(Step.APPLY), report)
        assert isinstance(decision, Attend)
        assert "not known" in decision.reason

    @pytest.mark.parametrize("which", [0, 1])
    def test_an_effect_that_had_begun_needs_a_person(self, make, which):
        errors = ["blocked: no permit", "connection refused"]
        errors[which] = "begun: ConnectionResetError: gone"
        attempts = tuple(Attempt("failed", error) for error in errors)
        report = make.failed(errors[1], Outcome.DEAD_LETTER, attempt_number=2, attempts=attempts)
        decision = decide(make, make.at(Step.APPLY), report)
        assert isinstance(decision, Attend)
        assert "not known" in decision.reason

    def test_an_unknown_effect_without_a_before_state_has_failed(self, make):
        decision = decide(make, make.at(Step.APPLY), make.failed("x", Outcome.DEAD_LETTER))
        assert isinstance(decision, Close)
        assert decision.event is Event.FAIL
        assert not decision.findings.executed

    def test_an_unknown_effect_that_cannot_be_undone_has_failed(self, make):
        facts = make.at(Step.APPLY, permitted_to_revert=False)
        report = make.failed("x", result='{"before": {"value": null}}')
        assert decide(make, facts, report).event is Event.FAIL

    def test_what_htm_cannot_decide_needs_a_person(self, make):
        report = make.failed("x", Outcome.NEEDS_ATTENTION)
        assert isinstance(decide(make, make.at(Step.APPLY), report), Attend)


class TestAfterTheMeasurement:
    def test_a_match_is_verified_with_full_confidence(self, make):
        decision = decide(make, make.at(Step.MEASURE), make.succeeded(make.good))
        assert isinstance(decision, Close)
        assert decision.event is Event.VERIFY
        assert decision.findings.confidence == 1.0
        assert decision.findings.actual["error_resolved"] is True

    def test_drift_is_undone_from_the_snapshot(self, make):
        measured = make.succeeded({**make.good, "error_rate": 1.0})
        decision = decide(make, make.at(Step.MEASURE), measured)
        assert isinstance(decision, Undo)
        assert decision.wanted.mode is Mode.REVERT
        assert json.loads(decision.wanted.before) == make.before
        assert json.loads(decision.wanted.after) == make.after
        assert decision.findings.confidence == pytest.approx(2 / 3)

    def test_drift_that_cannot_be_undone_has_failed(self, make):
        facts = make.at(Step.MEASURE, permitted_to_revert=False)
        decision = decide(make, facts, make.succeeded({**make.good, "waiting": 3}))
        assert isinstance(decision, Close)
        assert decision.event is Event.FAIL

    @pytest.mark.parametrize(
        "report",
        [
            Report(Outcome.FAILED, 1, error="x"),
            Report(Outcome.DEAD_LETTER, 3),
            Report(Outcome.EXPIRED, 0),
            Report(Outcome.CANCELLED, 0),
            Report(Outcome.NEEDS_ATTENTION, 1),
            Report(Outcome.SUCCEEDED, 1, result="{}"),
            Report(Outcome.SUCCEEDED, 1, result="not json"),
        ],
    )
    def test_what_was_not_measured_is_inconclusive_and_neither_undone_nor_verified(
        self, make, report
    ):
        for permitted in (True, False):
            facts = make.at(Step.MEASURE, permitted_to_revert=permitted)
            assert decide(make, facts, report).event is Event.LEAVE_OPEN

    @pytest.mark.parametrize(
        "value", ["NaN", "null", '"0"', "true", "false", "1e999", "-1e999", "Infinity", "[0]"]
    )
    @pytest.mark.parametrize("field", ["waiting", "throughput", "error_rate"])
    def test_a_field_that_is_no_number_is_unknown(self, make, field, value):
        text = json.dumps({**make.good, field: "here"}).replace('"here"', value)
        decision = decide(make, make.at(Step.MEASURE), make.succeeded(text))
        assert decision.event is Event.LEAVE_OPEN

    def test_drift_is_undone_though_another_field_is_unknown(self, make):
        measured = make.succeeded({**make.good, "error_rate": 1.0, "waiting": None})
        assert isinstance(decide(make, make.at(Step.MEASURE), measured), Undo)

    def test_a_measurement_without_the_baseline_it_needs_is_never_verified(self, make):
        facts = make.at(Step.MEASURE, contract=make.contract(baseline=None))
        assert decide(make, facts, make.succeeded(make.good)).event is Event.LEAVE_OPEN

    def test_a_good_measurement_that_came_too_late_is_never_verified(self, make):
        late = make.now + make.limits.measure_within + timedelta(seconds=1)
        report = make.succeeded(make.good, finished_at=late)
        assert decide(make, make.at(Step.MEASURE), report).event is Event.LEAVE_OPEN
        report = make.succeeded(make.good, finished_at=None)
        assert decide(make, make.at(Step.MEASURE), report).event is Event.LEAVE_OPEN

    def test_a_measurement_that_does_not_end_is_given_up(self, make):
        now = make.now + make.limits.measure_within + timedelta(seconds=1)
        pending = Report(Outcome.PENDING, 1)
        decision = decide(make, make.at(Step.MEASURE), pending, now=now)
        assert decision.event is Event.LEAVE_OPEN

    def test_without_its_snapshot_nothing_is_put_back(self, make):
        facts = make.at(Step.MEASURE, snapshot=None)
        assert isinstance(decide(make, facts, make.succeeded({"waiting": 9})), Attend)

    def test_a_snapshot_that_was_changed_in_storage_is_not_put_back(self, make):
        forged = replace(make.snapshot(), before='{"value":"1ms"}')
        facts = make.at(Step.MEASURE, snapshot=forged)
        assert isinstance(decide(make, facts, make.succeeded({"waiting": 9})), Attend)


class TestAfterTheRevert:
    def test_success_is_looked_at(self, make):
        decision = decide(make, make.at(Step.REVERT), make.succeeded({"after": {}}))
        assert isinstance(decision, LookAgain)
        assert decision.wanted.operation == "postgres.set_database_setting"
        assert decision.wanted.mode is Mode.OBSERVE

    def test_a_world_that_somebody_else_changed_needs_a_person(self, make):
        report = make.failed("Changed by somebody else", error_class="nonretryable")
        decision = decide(make, make.at(Step.REVERT), report)
        assert isinstance(decision, Compare)
        assert decision.wanted.mode is Mode.OBSERVE

    def test_what_somebody_else_changed_is_shown_to_the_person(self, make):
        facts = make.at(Step.COMPARE, refusal="refused")
        decision = decide(make, facts, make.succeeded({**make.after, "value": "1h"}))
        assert isinstance(decision, Attend)
        assert [each.field for each in decision.conflict] == ["value"]
        for report in (make.failed("x"), make.succeeded("[]"), make.succeeded(make.after)):
            decision = decide(make, facts, report)
            assert (decision.reason, decision.conflict) == ("refused", ())

    @pytest.mark.parametrize(
        "outcome", [Outcome.FAILED, Outcome.DEAD_LETTER, Outcome.EXPIRED, Outcome.CANCELLED]
    )
    def test_a_revert_that_did_not_succeed_is_for_a_person_who_sees_what_is(self, make, outcome):
        for error in ("gone", "blocked: the kill switch is on"):
            decision = decide(make, make.at(Step.REVERT), make.failed(error, outcome))
            assert isinstance(decision, Compare)
            assert decision.refusal == f"the revert did not succeed: {error} (1 attempt)"

    def test_what_the_revert_touched_and_then_the_target_are_measured(self, make):
        decision = decide(make, make.at(Step.RESTORED), make.succeeded(make.before))
        assert isinstance(decision, MeasureAgain)
        assert decision.observed == make.before
        assert decision.wanted.key.endswith(":measure:2")

    def test_a_state_too_long_for_a_report_is_told_by_its_hash(self, make):
        told = replace(make.succeeded("{}"), result=None, reference='{"$large":{"bytes":9}}')
        decision = decide(make, make.at(Step.RESTORED), told)
        assert isinstance(decision, MeasureAgain)
        assert decision.observed == {"$large": {"bytes": 9}}
        # It holds no numbers: nothing is measured by it.
        lost = decide(make, make.at(Step.MEASURE), told)
        assert lost.event is Event.LEAVE_OPEN
        again = decide(make, make.at(Step.REMEASURE), told)
        assert again.event is Event.FAIL_ROLLBACK

    def test_a_state_that_cannot_be_observed_is_not_restored(self, make):
        for report in (make.failed("x"), make.succeeded("[]"), make.succeeded('{"a": NaN}')):
            decision = decide(make, make.at(Step.RESTORED), report)
            assert decision.event is Event.FAIL_ROLLBACK

    def test_a_restored_world_is_rolled_back(self, make):
        decision = decide(make, make.at(Step.REMEASURE), make.succeeded(make.good))
        assert isinstance(decision, Close)
        assert decision.event is Event.ROLL_BACK
        assert decision.restored["restored"] is True

    def test_a_world_that_is_not_back_is_a_failed_rollback(self, make):
        other = make.at(Step.REMEASURE, observed_again=make.after)
        assert decide(make, other, make.succeeded(make.good)).event is Event.FAIL_ROLLBACK
        facts = make.at(Step.REMEASURE)
        worse = make.succeeded({**make.good, "error_rate": 1.0})
        assert decide(make, facts, worse).event is Event.FAIL_ROLLBACK
        assert decide(make, facts, make.failed("x")).event is Event.FAIL_ROLLBACK

    def test_without_the_stored_states_a_person_is_needed(self, make):
        for snapshot in (None, replace(make.snapshot(), before="")):
            facts = make.at(Step.REMEASURE, snapshot=snapshot)
            assert isinstance(decide(make, facts, make.succeeded(make.good)), Attend)
