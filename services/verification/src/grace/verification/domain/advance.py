"""Facts about one contract, with its task's report, to the next step. Everything else obeys."""

from datetime import datetime
from typing import assert_never

from grace.verification.domain import task as tasks
from grace.verification.domain.attention import on_chosen
from grace.verification.domain.conflict import in_words, three_way
from grace.verification.domain.decision import (
    Attend,
    Close,
    Compare,
    Decision,
    Findings,
    LookAgain,
    Measure,
    MeasureAgain,
    Prove,
    Submit,
    TakeHold,
    Undo,
    Wait,
)
from grace.verification.domain.evidence import actual_state, restored_state
from grace.verification.domain.facts import Facts, Limits
from grace.verification.domain.findings import Verdict, confidence, verdict
from grace.verification.domain.lifecycle import Event, Status
from grace.verification.domain.plan import on_proven
from grace.verification.domain.reading import reading_of, why
from grace.verification.domain.restore import explain_restored, judge_restored
from grace.verification.domain.saga import Turn
from grace.verification.domain.state import read_state
from grace.verification.domain.tally import Tally, tallies
from grace.verification.domain.tally import explain as explain_tally
from grace.verification.domain.task import Outcome, Report, Step
from grace.verification.domain.verdict import (
    Judgement,
    Measured,
    Reading,
    Unmeasured,
    explain,
    judge,
)


def next_step(facts: Facts, report: Report | None, *, now: datetime, limits: Limits) -> Decision:  # noqa: PLR0911 - one answer for each state
    """Return what to do next. `report` is None where htm does not know the task.

    A task that htm does not know was never accepted, or lost with a restored backup: it is
    submitted again, and the worker's receipt keeps an effect from happening twice.
    """
    match facts.status:
        case Status.APPROVED | Status.WAITING:
            return _begin(facts, now=now, limits=limits)
        case Status.PROVEN:
            return on_proven(facts)
        case Status.HOLDING:
            return Submit()
        case Status.EXECUTING | Status.MEASURING | Status.REVERTING | Status.RESTORING:
            if report is None or not facts.submitted:
                return Submit()
            return _on_report(facts, report, now=now, limits=limits)
        case Status.NEEDS_ATTENTION:
            return on_chosen(facts, facts.chosen) if facts.chosen else Wait()
        case (
            Status.DRAFTED
            | Status.VERIFIED
            | Status.FAILED
            | Status.ROLLED_BACK
            | Status.ROLLBACK_FAILED
            | Status.INCONCLUSIVE
            | Status.BLOCKED
            | Status.REJECTED
            | Status.EXPIRED
            | Status.CANCELLED
        ):
            return Wait()
        case _:
            assert_never(facts.status)


def on_refused(facts: Facts, reason: str, *, may_exist: bool) -> Decision:
    """Return what to do when htm does not take the wanted task and never will.

    `may_exist`: a task with this key exists and is not ours, so that what it did is not known.
    """
    unmeasured = Unmeasured(reason)
    match facts.step:
        case Step.APPLY if facts.status is Status.HOLDING and not may_exist:
            return _close_unmeasured(facts, Event.BLOCK, reason, executed=False)
        case Step.MEASURE:
            return _on_measured(facts, unmeasured)
        case Step.COMPARE | Step.RESTORED | Step.REMEASURE:
            return _on_look(facts, facts.step, unmeasured, None)
        case Step.APPLY | Step.REVERT | None:
            return Attend(reason)
        case _:
            assert_never(facts.step)


def _begin(facts: Facts, *, now: datetime, limits: Limits) -> Decision:
    if facts.turn is not Turn.NOW:
        return Wait()
    since = facts.waiting_since
    if facts.status is Status.WAITING and since and now > since + limits.wait_at_most:
        reason = f"{facts.contract.action.target} was not free within {limits.wait_at_most}"
        return _close_unmeasured(facts, Event.EXPIRE, reason, executed=False)
    return TakeHold(tasks.apply_task(facts.contract))


def _on_report(facts: Facts, report: Report, *, now: datetime, limits: Limits) -> Decision:
    match facts.step:
        case Step.APPLY:
            return _on_apply(facts, report)
        case Step.MEASURE:
            reading = _reading(facts, report, now=now, limits=limits)
            return _on_measured(facts, reading) if reading else Wait()
        case Step.REVERT:
            return _on_revert(facts, report)
        case Step.COMPARE | Step.RESTORED | Step.REMEASURE:
            seen = report if facts.step is Step.REMEASURE else tasks.as_state(report)
            reading = _reading(facts, seen, now=now, limits=limits)
            return _on_look(facts, facts.step, reading, seen.result) if reading else Wait()
        case None:
            return Submit()
        case _:
            assert_never(facts.step)


def _on_look(facts: Facts, step: Step, reading: Reading, result: str | None) -> Decision:
    """Decide on what was looked at around a revert."""
    match step:
        case Step.COMPARE:
            return _on_compared(facts, result)
        case Step.RESTORED:
            return _on_restored(facts, reading, result)
        case _:
            return _on_remeasured(facts, reading)


def _on_apply(facts: Facts, report: Report) -> Decision:
    match report.outcome:
        case Outcome.PENDING:
            return Wait()
        case Outcome.SUCCEEDED:
            return _on_applied(facts, report)
        case Outcome.NEEDS_ATTENTION:
            return Attend(f"whether the action took effect is not known: {why(report)}")
        case Outcome.FAILED | Outcome.CANCELLED | Outcome.EXPIRED | Outcome.DEAD_LETTER:
            if tasks.nothing_executed(report):
                return _not_begun(facts, report)
            return _effect_unknown(facts, report)
        case _:
            assert_never(report.outcome)


def _on_applied(facts: Facts, report: Report) -> Decision:
    applied = tasks.read_applied(report.result)
    if applied is None:
        reason = "the action reports success without the states before and after it"
        return _close_unmeasured(facts, Event.FAIL, reason, executed=True)
    return Measure(applied, tasks.measure_task(facts.contract, 1))


def _not_begun(facts: Facts, report: Report) -> Close:
    match report.outcome:
        case Outcome.CANCELLED:
            event, reason = Event.CANCEL, "cancelled before it began"
        case Outcome.EXPIRED:
            event, reason = Event.EXPIRE, "no worker began it in time"
        case _:
            event, reason = Event.BLOCK, why(report)
    return _close_unmeasured(facts, event, reason, executed=False)


def _effect_unknown(facts: Facts, report: Report) -> Decision:
    reason = f"the action did not succeed: {why(report)}"
    before = tasks.read_before(report.result)
    if before is None and tasks.may_have_acted(report):
        return Attend(f"whether the action took effect is not known: {why(report)}")
    if before is None or not facts.permitted_to_revert:
        return _close_unmeasured(facts, Event.FAIL, reason, executed=before is not None)
    findings = _unmeasured(facts, reason, executed=True)
    wanted = tasks.revert_task(facts.contract, before=before, after=None)
    return Undo(findings, wanted, before)


def _on_measured(facts: Facts, reading: Reading) -> Decision:
    contract = facts.contract
    judgement = judge(contract.action.expectations, reading, contract.baseline_values)
    taken = tallies(contract, facts.takes)
    findings = _findings(facts, judgement, taken, executed=True)
    match verdict(judgement, taken, executed=True):
        case None:
            return Wait()
        case Verdict.VERIFIED:
            if not facts.completes:
                return Prove(findings)
            return Close(Event.VERIFY, findings.reason, findings)
        case Verdict.FAILED:
            return _undo_or_fail(facts, findings)
        case Verdict.INCONCLUSIVE:
            # Only drift that was measured is undone: a revert in the dark may do the harm itself.
            return Close(Event.LEAVE_OPEN, f"{findings.reason}; not undone", findings)


def _undo_or_fail(facts: Facts, findings: Findings) -> Decision:
    snapshot = facts.snapshot
    if not facts.permitted_to_revert:
        return Close(Event.FAIL, f"{findings.reason}; the action cannot be undone", findings)
    if snapshot is None:
        return Attend("the before-state is not stored: nothing is restored by guessing")
    if not snapshot.intact:
        return Attend("the stored before-state is not the one that was hashed")
    if not snapshot.whole:
        return Attend("what the action left is not the one that was stored")
    wanted = tasks.revert_task(facts.contract, before=snapshot.before, after=snapshot.after)
    return Undo(findings, wanted)


def _on_revert(facts: Facts, report: Report) -> Decision:
    match report.outcome:
        case Outcome.PENDING:
            return Wait()
        case Outcome.SUCCEEDED:
            return LookAgain(tasks.restored_task(facts.contract, again=facts.reverts))
        case _:
            # It may not have run at all: nothing is over before a person has seen what is.
            found = "was refused" if tasks.refused_by_kernel(report) else "did not succeed"
            refusal = f"the revert {found}: {why(report)}"
            return Compare(refusal, tasks.compare_task(facts.contract, again=facts.reverts))


def _on_compared(facts: Facts, result: str | None) -> Attend:
    """A person gets what was, what was left and what is."""
    snapshot = facts.snapshot
    intact = snapshot is not None and snapshot.intact
    found = three_way(
        read_state(snapshot.before) if snapshot and intact else None,
        read_state(snapshot.after) if snapshot and intact else None,
        read_state(result),
    )
    refusal = facts.refusal or "the revert was refused"
    return Attend(f"{refusal}; {in_words(found)}" if found else refusal, conflict=found)


def _on_restored(facts: Facts, reading: Reading, result: str | None) -> Decision:
    observed = read_state(result) if isinstance(reading, Measured) else None
    if observed is None:
        return Close(Event.FAIL_ROLLBACK, "the state after the revert could not be observed")
    return MeasureAgain(observed, tasks.measure_task(facts.contract, 2 + facts.reverts))


def _on_remeasured(facts: Facts, reading: Reading) -> Decision:
    if facts.snapshot is None or facts.observed_again is None:
        return Attend("what was there before the action is no longer stored")
    if not facts.snapshot.intact:
        return Attend("the stored before-state is not the one that was hashed")
    found = judge_restored(
        facts.contract,
        before=facts.snapshot.before,
        observed=facts.observed_again,
        reading=reading,
    )
    event = Event.ROLL_BACK if found.restored else Event.FAIL_ROLLBACK
    return Close(
        event,
        explain_restored(found),
        restored=restored_state(found),
        judgement=found.judgement,
    )


def _reading(facts: Facts, report: Report, *, now: datetime, limits: Limits) -> Reading | None:
    return reading_of(report, deadline=facts.step_since + limits.measure_within, now=now)


def _findings(
    facts: Facts, judgement: Judgement, taken: tuple[Tally, ...], *, executed: bool
) -> Findings:
    contract, execution = facts.contract, facts.execution
    return Findings(
        executed=executed,
        confidence=confidence(judgement, taken, executed=executed),
        actual=actual_state(contract, judgement, taken, executed=executed, execution=execution),
        reason="; ".join([explain(judgement), *map(explain_tally, taken)]),
        judgement=judgement,
        tallies=taken,
    )


def _unmeasured(facts: Facts, reason: str, *, executed: bool) -> Findings:
    contract = facts.contract
    reading = Unmeasured(reason)
    judgement = judge(contract.action.expectations, reading, contract.baseline_values)
    return Findings(
        executed=executed,
        confidence=0.0,
        actual=actual_state(contract, judgement, executed=False, execution=facts.execution),
        reason=reason,
        judgement=judgement,
    )


def _close_unmeasured(facts: Facts, event: Event, reason: str, *, executed: bool) -> Close:
    return Close(event, reason, _unmeasured(facts, reason, executed=executed))
