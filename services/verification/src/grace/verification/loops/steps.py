"""Carries the decisions out that are rare, one contract at a time, inside the transaction of all."""

import json
from typing import TypeAlias, assert_never

from grace.kit import Unit
from grace.verification.domain.decision import (
    Attend,
    Compare,
    Findings,
    LookAgain,
    MeasureAgain,
    Prove,
    RetryRevert,
    Undo,
    UndoWithPlan,
)
from grace.verification.domain.lifecycle import Event, after
from grace.verification.domain.task import Step, Wanted
from grace.verification.loops.ends import attend, keep_measurement, tell_takes
from grace.verification.loops.forward import brief
from grace.verification.settings import Settings
from grace.verification.store import Attention, Case, Contracts, Missions, Snapshots, sealed
from grace.verification.store.orders import contract_order
from grace.verification.store.timeline import About, note

Rare: TypeAlias = (
    Undo | Prove | UndoWithPlan | Compare | RetryRevert | LookAgain | MeasureAgain | Attend
)


class Steps:
    """One contract in one transaction. Each step begins with its guard; no row ends it.

    Whoever calls has locked the mission where `moves.py` says so.
    """

    def __init__(self, unit: Unit, case: Case, settings: Settings) -> None:
        self._unit = unit
        self._case = case
        self._settings = settings
        self._contracts = Contracts(unit.tx)
        self._about = About.case(case)

    async def obey(self, decision: Rare) -> Case | None:  # noqa: PLR0911 - one case for each decision
        """Do what was decided, unless the contract has moved on; what wants a task now."""
        match decision:
            case Undo():
                return await self._undo(decision)
            case Prove():
                await self._prove(decision)
                return None
            case UndoWithPlan():
                return await self._undo_with_plan(decision)
            case Compare():
                return await self._compare(decision)
            case RetryRevert():
                return await self._retry_revert(decision)
            case LookAgain():
                return await self._look_again(decision)
            case MeasureAgain():
                return await self._measure_again(decision)
            case Attend():
                await attend(self._unit, self._case, decision)
                return None
            case _:
                assert_never(decision)

    async def _undo(self, decision: Undo) -> Case | None:
        findings, step = decision.findings, self._case.facts.step
        moved = await self._next(decision.event, Step.REVERT, decision.wanted)
        if moved is None:
            return None
        if decision.before is not None:
            await self._keep_snapshot(decision.before)
        await self._note(findings)
        if step is Step.MEASURE:
            await keep_measurement(self._unit, self._case, findings.judgement.reading, "after")
            await tell_takes(self._unit, self._case, findings.tallies)
        await self._say("verification.revert.decided", f"to be undone: {findings.reason}")
        return moved

    async def _prove(self, decision: Prove) -> None:
        """Keep what was found, and let the next action begin."""
        case, findings = self._case, decision.findings
        status = after(case.facts.status, decision.event)
        pause = self._settings.poll_interval
        if not await self._contracts.prove(case, status, findings, pause=pause):
            return
        await keep_measurement(self._unit, case, findings.judgement.reading, "after")
        await tell_takes(self._unit, case, findings.tallies)
        await self._contracts.nudge_mission(case.contract.mission_id)
        await self._say("verification.action.proven", findings.reason)

    async def _undo_with_plan(self, decision: UndoWithPlan) -> Case | None:
        moved = await self._next(decision.event, Step.REVERT, decision.wanted)
        if moved is not None:
            await self._say("verification.revert.decided", decision.reason)
        return moved

    async def _note(self, findings: Findings) -> None:
        await self._contracts.note_findings(
            self._case,
            executed=findings.executed,
            confidence=findings.confidence,
            actual_state=json.dumps(findings.actual),
            reason=findings.reason,
        )

    async def _compare(self, decision: Compare) -> Case | None:
        moved = await self._next(None, Step.COMPARE, decision.wanted)
        if moved is not None:
            await Attention(self._unit.tx).note_refusal(self._case, decision.refusal)
            await self._say("verification.revert.refused", decision.refusal)
        return moved

    async def _retry_revert(self, decision: RetryRevert) -> Case | None:
        moved = await self._next(decision.event, Step.REVERT, decision.wanted)
        if moved is None:
            return None
        await Attention(self._unit.tx).begin_again(self._case)
        await Missions(self._unit.tx).resume(self._case.contract.mission_id)
        await self._say("verification.revert.decided", decision.reason)
        return moved

    async def _look_again(self, decision: LookAgain) -> Case | None:
        moved = await self._next(decision.event, Step.RESTORED, decision.wanted)
        if moved is not None:
            words = "reverted; whether it is back is measured"
            await self._say("verification.revert.done", words)
        return moved

    async def _measure_again(self, decision: MeasureAgain) -> Case | None:
        moved = await self._next(None, Step.REMEASURE, decision.wanted)
        if moved is not None:
            await self._contracts.note_observed_again(self._case, decision.observed)
            words = f"found {brief(decision.observed)}"
            await self._say("verification.restore.observed", words)
        return moved

    async def _next(self, event: Event | None, step: Step, wanted: Wanted) -> Case | None:
        case = self._case
        status = after(case.facts.status, event) if event else case.facts.status
        task_spec = contract_order(self._settings, wanted, case).to_bytes()
        moved = await self._contracts.step(
            case, status, step=step, task_spec=task_spec, claim_for=self._settings.claim_for
        )
        return case.wanting(status, step, task_spec) if moved else None

    async def _keep_snapshot(self, before: str) -> None:
        """Store the before-state as soon as it is known."""
        found = sealed(self._case, self._unit.runtime.keys.safe, before=before, after=None)
        await Snapshots(self._unit.tx).insert(self._case, found)
        await self._contracts.note_snapshot(self._case, found.snapshot_id)
        await self._say("verification.snapshot.stored", f"before-state sha256 {found.content_hash}")

    async def _say(self, subject: str, summary: str) -> None:
        await note(self._unit, subject, self._about, summary)
