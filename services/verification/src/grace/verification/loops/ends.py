"""The ends of contracts: the verdict is stored and told, the target freed, the mission closed."""

import json
from collections.abc import Sequence
from datetime import timedelta

from grace.contracts.verification import ActionClosed
from grace.kit import Unit
from grace.verification.domain.decision import Attend, Close, Findings
from grace.verification.domain.lifecycle import VERDICTS, Event, MissionEvent, Status, after
from grace.verification.domain.saga import (
    Part,
    confidence_of,
    end_of,
    is_broken,
    reason_of,
)
from grace.verification.domain.state import numbers, shown_text
from grace.verification.domain.tally import Tally, explain
from grace.verification.domain.task import Step
from grace.verification.domain.verdict import Measured, Reading
from grace.verification.metrics import observe_verdict
from grace.verification.store import (
    Attention,
    Benchmark,
    Benchmarks,
    Case,
    Contracts,
    Ended,
    Ending,
    Holds,
    Missions,
)
from grace.verification.store.timeline import LONGEST_REASON, About, close_mission, note, tell
from grace.verification.store.watches import Watches

_CUT = "an earlier action of the plan did not come true"
_TAKES = {Step.MEASURE: "after", Step.REMEASURE: "restored"}


async def close(
    unit: Unit, case: Case, decision: Close, *, watch_after: Sequence[timedelta] = ()
) -> None:
    """End a contract, and its mission with it where that follows; nothing if it has moved on.

    What is verified is looked at again, after each of `watch_after`.
    """
    await Missions(unit.tx).lock(case.contract.mission_id)
    ending = _ending(case, decision)
    ended = await Contracts(unit.tx).close(case, ending)
    if ended is None:
        return
    await _keep_last_measurement(unit, case, decision)
    await Holds(unit.tx).release(case.contract)
    if ending.status is Status.VERIFIED and watch_after:
        await Watches(unit.tx).begin(case.contract_id, watch_after)
    if ending.status in VERDICTS:
        await _tell_verdict(unit, case, ending, ended)
    else:
        words = f"{ending.status}: {ending.reason}"
        await note(unit, "verification.contract.ended", About.case(case), words)
    await _end_mission(unit, case, ending.reason)


async def attend(unit: Unit, case: Case, decision: Attend) -> None:
    """Let a contract rest, with its target held, until an operator looks at it."""
    reason = _cut(decision.reason)
    await Missions(unit.tx).lock(case.contract.mission_id)
    status = after(case.facts.status, decision.event)
    if not await Contracts(unit.tx).attend(case, status, reason=reason):
        return
    await Attention(unit.tx).note_conflict(case, decision.conflict)
    await Missions(unit.tx).attend(case.contract.mission_id, reason)
    await note(unit, "verification.attention.needed", About.case(case), reason)


async def keep_measurement(unit: Unit, case: Case, reading: Reading, kind: str) -> None:
    """Keep a measurement of a contract, or why there is none."""
    take = 1 if kind == "after" else 2 + case.facts.reverts
    measured = reading.state if isinstance(reading, Measured) else None
    reason = None if isinstance(reading, Measured) else reading.why
    await Benchmarks(unit.tx).insert(
        Benchmark(
            benchmark_id=f"{case.contract_id}:measure:{take}",
            kind=kind,
            contract_id=case.contract_id,
            tenant_id=case.contract.tenant_id,
            measurement=case.contract.action.measurement,
            measured=measured,
            reason=reason,
        )
    )
    words = _in_words(reading) if reason is None else f"not measured: {reason}"
    await note(unit, "verification.measurement.taken", About.case(case), words)


async def tell_takes(unit: Unit, case: Case, tallies: Sequence[Tally]) -> None:
    """Tell what each measure of the plan said, a line each."""
    for each in tallies:
        words = f"{explain(each)}; informs only" if each.measure.dry_run else explain(each)
        await note(unit, "verification.measure.tallied", About.case(case), words)


async def _keep_last_measurement(unit: Unit, case: Case, decision: Close) -> None:
    kind = _TAKES.get(case.facts.step) if case.facts.step else None
    judgement = decision.findings.judgement if decision.findings else decision.judgement
    if kind is not None and judgement is not None:
        await keep_measurement(unit, case, judgement.reading, kind)
        await tell_takes(unit, case, decision.findings.tallies if decision.findings else ())


async def _tell_verdict(unit: Unit, case: Case, ending: Ending, ended: Ended) -> None:
    contract, verdict = case.contract, ending.status
    message = ActionClosed(
        mission_id=contract.mission_id,
        tenant_id=contract.tenant_id,
        contract_id=contract.contract_id,
        revision=contract.revision,
        playbook=contract.playbook,
        playbook_version=contract.playbook_version,
        operation=contract.action.operation,
        target=contract.action.target,
        verdict=verdict,
        confidence=ended.confidence,
        executed=ended.executed,
        closed_at=ended.closed_at,
        reason=ending.reason,
        target_class=contract.action.kernel,
    )
    words = f"{verdict}, confidence {ended.confidence:.2f}: {ending.reason}"
    await tell(unit, message, About.case(case), words)
    unit.after_commit(lambda: observe_verdict(verdict=verdict, confidence=ended.confidence))


async def _end_mission(unit: Unit, case: Case, reason: str) -> None:
    """Close the mission when every part has ended; before that, let the others have their turn."""
    mission_id, missions = case.contract.mission_id, Missions(unit.tx)
    parts = await missions.parts(mission_id)
    if is_broken(parts):
        await _cut_rest(unit, case)
        parts = await missions.parts(mission_id)
    event = end_of(parts)
    if event is None:
        await Contracts(unit.tx).nudge_mission(mission_id)
        return
    why = reason if event is MissionEvent.VERIFY else reason_of(parts) or reason
    await close_mission(unit, mission_id, event, confidence=_confidence(parts), reason=why)


async def _cut_rest(unit: Unit, case: Case) -> None:
    cut = await Contracts(unit.tx).end_unbegun(case.contract.mission_id, Event.CANCEL, reason=_CUT)
    for contract_id in cut:
        about = About(
            case.contract.mission_id, case.contract.tenant_id, case.correlation_id, contract_id
        )
        await note(unit, "verification.contract.ended", about, f"{Status.CANCELLED}: {_CUT}")


def _ending(case: Case, decision: Close) -> Ending:
    findings: Findings | None = decision.findings
    told_before = case.reason if findings is None and case.reason else None
    reason = f"{told_before}; {decision.reason}" if told_before else decision.reason
    return Ending(
        status=after(case.facts.status, decision.event),
        reason=_cut(reason),
        executed=findings.executed if findings else None,
        confidence=findings.confidence if findings else None,
        actual_state=json.dumps(findings.actual) if findings else None,
        restored_state=json.dumps(decision.restored) if decision.restored is not None else None,
    )


def _confidence(parts: Sequence[Part]) -> float:
    """Only what has ended counts; what was never begun says nothing."""
    return confidence_of([part for part in parts if part.status in VERDICTS])


def _in_words(reading: Reading) -> str:
    found = numbers(reading.state) if isinstance(reading, Measured) else {}
    return ", ".join(f"{field} {value:.6g}" for field, value in sorted(found.items()))


def _cut(reason: str) -> str:
    return shown_text(reason, LONGEST_REASON)
