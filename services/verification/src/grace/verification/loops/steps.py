"""Carries one decision about one contract out, inside one transaction."""

import json
from typing import assert_never

from grace.contracts.verification import ActionExecuting
from grace.kit import Unit, new_id
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
    RetryRevert,
    Submit,
    TakeHold,
    Undo,
    UndoWithPlan,
    Wait,
)
from grace.verification.domain.lifecycle import Event, Status, after
from grace.verification.domain.state import Json, State
from grace.verification.domain.task import Mode, Step, Wanted
from grace.verification.loops.ends import attend, close, keep_measurement, tell_takes
from grace.verification.loops.queue import Taken
from grace.verification.loops.schedule import schedule_takes
from grace.verification.settings import Settings
from grace.verification.store import Attention, Case, Contracts, Holds, Missions, Snapshots
from grace.verification.store.orders import contract_order
from grace.verification.store.timeline import About, note, tell

_MODES = {Step.APPLY: Mode.APPLY, Step.REVERT: Mode.REVERT}


class Steps:
    """One contract in one transaction. Each step begins with its guard; no row ends it."""

    def __init__(self, unit: Unit, case: Case, settings: Settings) -> None:
        self._unit = unit
        self._case = case
        self._settings = settings
        self._contracts = Contracts(unit.tx)
        self._about = About.case(case)

    async def obey(self, decision: Decision) -> None:  # noqa: C901, PLR0912 - one case for each decision
        """Do what was decided, unless the contract has moved on meanwhile."""
        match decision:
            case Wait() | Submit():
                await self._contracts.rest(self._case, pause=self._settings.poll_interval)
            case TakeHold():
                await self._take_hold(decision)
            case Measure():
                await self._measure(decision)
            case Undo():
                await self._undo(decision)
            case Prove():
                await self._prove(decision)
            case UndoWithPlan():
                await self._undo_with_plan(decision)
            case Compare():
                await self._compare(decision)
            case RetryRevert():
                await self._retry_revert(decision)
            case LookAgain():
                await self._look_again(decision)
            case MeasureAgain():
                await self._measure_again(decision)
            case Close():
                after = self._settings.watch_after
                await close(self._unit, self._case, decision, watch_after=after)
            case Attend():
                await attend(self._unit, self._case, decision)
            case _:
                assert_never(decision)

    async def submitted(self, taken: Taken) -> None:
        """Note that htm has the task: what changes the world is announced, what looks is noted."""
        case, step = self._case, self._case.facts.step
        status = case.facts.status
        if status is Status.HOLDING:
            status = after(status, Event.EXECUTE)
        # A task that was there before may have ended before anybody listened.
        pause = self._settings.poll_interval / (1 if taken.fresh else 10)
        if not await self._contracts.submit(case, status, task_id=taken.task_id, pause=pause):
            return
        mode = _MODES.get(step) if step else None
        if mode is not None:
            words = f"{mode} of {case.contract.action.operation} on {case.contract.action.target}"
            await tell(self._unit, self._executing(mode, taken.task_id), self._about, words)
        else:
            words = f"{step} is task {taken.task_id}"
            await note(self._unit, "verification.task.submitted", self._about, words)

    async def _take_hold(self, decision: TakeHold) -> None:
        await Missions(self._unit.tx).lock(self._case.contract.mission_id)
        if not await Holds(self._unit.tx).take(self._case.contract):
            await self._wait_for_target()
            return
        status = after(self._case.facts.status, Event.HOLD)
        held = await self._contracts.hold(
            self._case, status, task_spec=self._order(decision.wanted)
        )
        if held:
            target = self._case.contract.action.target
            await note(self._unit, "verification.hold.taken", self._about, f"{target} is held")
        else:
            await Holds(self._unit.tx).release(self._case.contract)

    async def _wait_for_target(self) -> None:
        case, pause = self._case, self._settings.poll_interval
        if case.facts.status is Status.WAITING:
            await self._contracts.rest(case, pause=pause)
            return
        holder = await Holds(self._unit.tx).holder(case.contract)
        reason = f"waits for {case.contract.action.target}, held by {holder or 'nobody now'}"
        status = after(case.facts.status, Event.WAIT)
        if await self._contracts.wait(case, status, reason=reason, pause=pause):
            await note(self._unit, "verification.hold.awaited", self._about, reason)

    async def _measure(self, decision: Measure) -> None:
        if not await self._next(decision.event, Step.MEASURE, decision.wanted):
            return
        await schedule_takes(self._unit, self._case, self._settings)
        applied = decision.applied
        await self._keep_snapshot(applied.before, applied.after, executed=applied.result)
        await self._say(
            "verification.action.applied", f"the kernel reports {_brief(applied.result)}"
        )

    async def _undo(self, decision: Undo) -> None:
        findings, step = decision.findings, self._case.facts.step
        if not await self._next(decision.event, Step.REVERT, decision.wanted):
            return
        if decision.before is not None:
            await self._keep_snapshot(decision.before, None, executed=None)
        await self._note(findings)
        if step is Step.MEASURE:
            await keep_measurement(self._unit, self._case, findings.judgement.reading, "after")
            await tell_takes(self._unit, self._case, findings.tallies)
        await self._say("verification.revert.decided", f"to be undone: {findings.reason}")

    async def _prove(self, decision: Prove) -> None:
        """Keep what was found, and let the next action begin."""
        case, findings = self._case, decision.findings
        await Missions(self._unit.tx).lock(case.contract.mission_id)
        status = after(case.facts.status, decision.event)
        pause = self._settings.poll_interval
        if not await self._contracts.prove(case, status, findings, pause=pause):
            return
        await keep_measurement(self._unit, case, findings.judgement.reading, "after")
        await tell_takes(self._unit, case, findings.tallies)
        await self._contracts.nudge_mission(case.contract.mission_id)
        await self._say("verification.action.proven", findings.reason)

    async def _undo_with_plan(self, decision: UndoWithPlan) -> None:
        if await self._next(decision.event, Step.REVERT, decision.wanted):
            await self._say("verification.revert.decided", decision.reason)

    async def _note(self, findings: Findings) -> None:
        await self._contracts.note_findings(
            self._case,
            executed=findings.executed,
            confidence=findings.confidence,
            actual_state=json.dumps(findings.actual),
            reason=findings.reason,
        )

    async def _compare(self, decision: Compare) -> None:
        if await self._next(None, Step.COMPARE, decision.wanted):
            await Attention(self._unit.tx).note_refusal(self._case, decision.refusal)
            await self._say("verification.revert.refused", decision.refusal)

    async def _retry_revert(self, decision: RetryRevert) -> None:
        await Missions(self._unit.tx).lock(self._case.contract.mission_id)
        if not await self._next(decision.event, Step.REVERT, decision.wanted):
            return
        await Attention(self._unit.tx).begin_again(self._case)
        await Missions(self._unit.tx).resume(self._case.contract.mission_id)
        await self._say("verification.revert.decided", decision.reason)

    async def _look_again(self, decision: LookAgain) -> None:
        if await self._next(decision.event, Step.RESTORED, decision.wanted):
            await self._say("verification.revert.done", "reverted; whether it is back is measured")

    async def _measure_again(self, decision: MeasureAgain) -> None:
        if not await self._next(None, Step.REMEASURE, decision.wanted):
            return
        await self._contracts.note_observed_again(self._case, decision.observed)
        await self._say("verification.restore.observed", f"found {_brief(decision.observed)}")

    async def _next(self, event: Event | None, step: Step, wanted: Wanted) -> bool:
        status = self._case.facts.status
        return await self._contracts.step(
            self._case,
            after(status, event) if event else status,
            step=step,
            task_spec=self._order(wanted),
        )

    async def _keep_snapshot(
        self, before: str, left: str | None, *, executed: State | None
    ) -> None:
        """Store the before-state as soon as it is known; `executed` is what the kernel said."""
        snapshot_id = new_id()
        snapshots = Snapshots(self._unit.tx, self._unit.runtime.keys.safe)
        content_hash = await snapshots.insert(
            self._case, snapshot_id=snapshot_id, before=before, after=left
        )
        if executed is None:
            await self._contracts.note_snapshot(self._case, snapshot_id)
        else:
            await self._contracts.note_applied(self._case, snapshot_id, execution=executed)
        await self._say("verification.snapshot.stored", f"before-state sha256 {content_hash}")

    def _order(self, wanted: Wanted) -> bytes:
        return contract_order(self._settings, wanted, self._case).to_bytes()

    def _executing(self, mode: Mode, task_id: str) -> ActionExecuting:
        contract = self._case.contract
        return ActionExecuting(
            mission_id=contract.mission_id,
            tenant_id=contract.tenant_id,
            contract_id=contract.contract_id,
            action_id=contract.action.action_id,
            step=mode,
            task_id=task_id,
            target=contract.action.target,
        )

    async def _say(self, subject: str, summary: str) -> None:
        await note(self._unit, subject, self._about, summary)


def _brief(state: State | dict[str, Json]) -> str:
    return json.dumps(state)[:300]
