"""The ends of contracts: the verdict is stored and told, the target freed, the mission closed."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from grace.contracts.verification import ActionClosed, AttentionNeeded
from grace.kit import Unit
from grace.verification.domain.attention import is_to_be_undone
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
    Batch,
    Benchmark,
    Benchmarks,
    Case,
    Contracts,
    Ended,
    Ending,
    Holds,
    MissionEnd,
    Missions,
)
from grace.verification.store.timeline import LONGEST_REASON, About, close_missions, note, tell
from grace.verification.store.watches import Watches

_CUT = "an earlier action of the plan did not come true"
_TAKES = {Step.MEASURE: "after", Step.REMEASURE: "restored"}


@dataclass(frozen=True, slots=True)
class _End:
    """A contract that has just ended."""

    case: Case
    decision: Close
    ending: Ending
    ended: Ended


async def close_all(
    unit: Unit, closing: Sequence[tuple[Case, Close]], *, watch_after: Sequence[timedelta] = ()
) -> bool:
    """End contracts whose missions are locked, and the missions where that follows.

    What has moved on stays as it is; what is verified is looked at again, after each of
    `watch_after`, where no later action of the plan has changed the target. Returns whether contracts are due now that waited for these.
    """
    endings = [(case, decision, _ending(case, decision)) for case, decision in closing]
    found = await Batch(unit.tx).close([(case, end) for case, _, end in endings]) if endings else {}
    ends = [
        _End(*each, found[each[0].contract_id]) for each in endings if each[0].contract_id in found
    ]
    if not ends:
        return False
    await _keep_last_measurements(unit, ends)
    nudged = await Holds(unit.tx).release([end.case.contract_id for end in ends])
    verified = [end.case.contract_id for end in ends if end.ending.status is Status.VERIFIED]
    if verified and watch_after:
        await Watches(unit.tx).begin(verified, watch_after)
    for end in ends:
        await _tell(unit, end)
    return await _end_missions(unit, ends) or bool(nudged)


async def _tell(unit: Unit, end: _End) -> None:
    if end.ending.status in VERDICTS:
        await _tell_verdict(unit, end.case, end.ending, end.ended)
    else:
        words = f"{end.ending.status}: {end.ending.reason}"
        await note(unit, "verification.contract.ended", About.case(end.case), words)


async def attend(unit: Unit, case: Case, decision: Attend) -> None:
    """Let a contract rest, with its target held, until an operator looks at it."""
    reason = _cut(decision.reason)
    status = after(case.facts.status, decision.event)
    if not await Contracts(unit.tx).attend(case, status, reason=reason):
        return
    await Attention(unit.tx).note_conflict(case, decision.conflict)
    await Missions(unit.tx).attend(case.contract.mission_id, reason)
    await tell(unit, await _needed(unit, case, reason), About.case(case), reason)


async def _needed(unit: Unit, case: Case, reason: str) -> AttentionNeeded:
    contract = case.contract
    return AttentionNeeded(
        mission_id=contract.mission_id,
        tenant_id=contract.tenant_id,
        contract_id=contract.contract_id,
        playbook=contract.playbook,
        playbook_version=contract.playbook_version,
        operation=contract.action.operation,
        target=contract.action.target,
        target_class=contract.action.kernel,
        undoing=is_to_be_undone(case.facts),
        reason=reason,
        needed_at=await unit.now(),
    )


async def keep_measurement(unit: Unit, case: Case, reading: Reading, kind: str) -> None:
    """Keep a measurement of a contract, or why there is none."""
    await _keep_measurements(unit, [(case, reading, kind)])


async def _keep_measurements(unit: Unit, found: Sequence[tuple[Case, Reading, str]]) -> None:
    await Benchmarks(unit.tx).insert([_benchmark(*each) for each in found])
    for case, reading, _ in found:
        words = _in_words(reading)
        await note(unit, "verification.measurement.taken", About.case(case), words)


def _benchmark(case: Case, reading: Reading, kind: str) -> Benchmark:
    take = 1 if kind == "after" else 2 + case.facts.reverts
    return Benchmark(
        benchmark_id=f"{case.contract_id}:measure:{take}",
        kind=kind,
        contract_id=case.contract_id,
        tenant_id=case.contract.tenant_id,
        measurement=case.contract.action.measurement,
        measured=reading.state if isinstance(reading, Measured) else None,
        reason=None if isinstance(reading, Measured) else reading.why,
    )


async def tell_takes(unit: Unit, case: Case, tallies: Sequence[Tally]) -> None:
    """Tell what each measure of the plan said, a line each."""
    for each in tallies:
        words = f"{explain(each)}; informs only" if each.measure.dry_run else explain(each)
        await note(unit, "verification.measure.tallied", About.case(case), words)


async def _keep_last_measurements(unit: Unit, ends: Sequence[_End]) -> None:
    last = [found for end in ends if (found := _last_measurement(end)) is not None]
    if last:
        await _keep_measurements(unit, last)
    for end in ends:
        if end.decision.findings and end.case.facts.step in _TAKES:
            await tell_takes(unit, end.case, end.decision.findings.tallies)


def _last_measurement(end: _End) -> tuple[Case, Reading, str] | None:
    step, findings = end.case.facts.step, end.decision.findings
    kind = _TAKES.get(step) if step else None
    judgement = findings.judgement if findings else end.decision.judgement
    return (end.case, judgement.reading, kind) if kind and judgement else None


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


async def _end_missions(unit: Unit, ends: Sequence[_End]) -> bool:
    """Close the missions whose every part has ended; whether others now have their turn."""
    last = {end.case.contract.mission_id: end for end in ends}
    missions = Missions(unit.tx)
    parts = await missions.parts(last)
    broken = [mission_id for mission_id in last if is_broken(parts[mission_id])]
    for mission_id in broken:
        await _cut_rest(unit, last[mission_id].case)
    parts |= await missions.parts(broken) if broken else {}
    closing: defaultdict[MissionEvent, list[MissionEnd]] = defaultdict(list)
    nudged = False
    for mission_id, end in last.items():
        event = end_of(parts[mission_id])
        if event is None:
            await _go_on(unit, end, parts[mission_id])
            nudged = True
        else:
            closing[event].append(_mission_end(event, mission_id, parts[mission_id], end))
    for event, group in closing.items():
        await close_missions(unit, event, group)
    return nudged


async def _go_on(unit: Unit, end: _End, parts: Sequence[Part]) -> None:
    """Let the rest of a plan have its turn; where a person had to decide, that is done with."""
    mission_id = end.case.contract.mission_id
    await Contracts(unit.tx).nudge_mission(mission_id)
    if any(part.status is Status.NEEDS_ATTENTION for part in parts):
        return
    if end.case.facts.status is Status.NEEDS_ATTENTION:
        await Missions(unit.tx).resume(mission_id)


def _mission_end(
    event: MissionEvent, mission_id: str, parts: Sequence[Part], end: _End
) -> MissionEnd:
    reason = end.ending.reason
    why = reason if event is MissionEvent.VERIFY else reason_of(parts) or reason
    return MissionEnd(mission_id, _confidence(parts), why)


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
        executed=findings.executed if findings else _may_have_acted(case),
        confidence=findings.confidence if findings else None,
        actual_state=json.dumps(findings.actual) if findings else None,
        restored_state=json.dumps(decision.restored) if decision.restored is not None else None,
    )


def _may_have_acted(case: Case) -> bool | None:
    """What a person decided on may have had its effect, or nobody would have been asked; else as it was."""
    return True if case.facts.status is Status.NEEDS_ATTENTION else None


def _confidence(parts: Sequence[Part]) -> float:
    """Only what has ended counts; what was never begun says nothing."""
    return confidence_of([part for part in parts if part.status in VERDICTS])


def _in_words(reading: Reading) -> str:
    if not isinstance(reading, Measured):
        return f"not measured: {reading.why}"
    found = numbers(reading.state)
    return ", ".join(f"{field} {value:.6g}" for field, value in sorted(found.items()))


def _cut(reason: str) -> str:
    return shown_text(reason, LONGEST_REASON)
