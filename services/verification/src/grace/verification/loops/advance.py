"""Moves every contract one step further: facts, decision, guarded change, message."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from grace.kit import GraceError, Runtime
from grace.verification.domain.advance import next_step, on_refused
from grace.verification.domain.decision import Submit
from grace.verification.domain.facts import Limits
from grace.verification.domain.task import Report
from grace.verification.loops.moves import Move, Note, Obey
from grace.verification.loops.queue import Answer, Declined, Taken, reports_of, submit_all
from grace.verification.loops.steps import Steps
from grace.verification.settings import Settings
from grace.verification.store import Case, Contracts, opened


class Advance:
    """Level-based: whatever happened, and however often, the next step follows from the facts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = Limits(settings.measure_within, settings.wait_at_most)

    async def tick(self, runtime: Runtime) -> bool:
        """Advance the contracts that are due; True when one of them moved."""
        async with runtime.unit() as unit:
            cases = await Contracts(unit.tx).claim(
                most=self._settings.advance_most, claim_for=self._settings.claim_for
            )
            now = await unit.now()
        if not cases:
            return False
        try:
            reports = await reports_of(runtime, [case.task_id for case in cases if case.task_id])
        except GraceError as error:
            runtime.log.warning("advance.waits", error=error.detail, contracts=len(cases))
            return False
        return await self._all(runtime, cases, reports, now)

    async def _all(
        self,
        runtime: Runtime,
        cases: Sequence[Case],
        reports: Mapping[str, Report],
        now: datetime,
    ) -> bool:
        """Decide about all; what wants a task asks htm first."""
        moves: list[Move] = []
        wanting: list[Case] = []
        safe = runtime.keys.safe
        for case in (opened(sealed, safe) for sealed in cases):
            report = reports.get(case.task_id or "")
            decision = next_step(case.facts, report, now=now, limits=self._limits)
            if isinstance(decision, Submit):
                wanting.append(case)
            else:
                moves.append(Obey(case, decision))
        moves += await self._submit(runtime, wanting)
        return await self._carry_out(runtime, moves)

    async def _submit(self, runtime: Runtime, cases: Sequence[Case]) -> list[Move]:
        """Hand all stored tasks to htm at once; what follows from its answers."""
        if not cases:
            return []
        for case in cases:
            runtime.crash_point(f"submit_{case.facts.step}.before")
        try:
            answers = await submit_all(runtime, [_spec_of(case) for case in cases])
        except GraceError as error:
            runtime.log.warning("submit.waits", error=error.detail, contracts=len(cases))
            return []
        return [_follow(case, answer) for case, answer in zip(cases, answers, strict=True)]

    async def _carry_out(self, runtime: Runtime, moves: Sequence[Move]) -> bool:
        """Change all contracts in one transaction, which is paid for once; each alone where it fails.

        One that fails then does not hold up the others.
        """
        try:
            await self._transact(runtime, moves)
        except Exception as error:
            if len(moves) == 1:
                raise
            runtime.log.info("advance.one_by_one", contracts=len(moves), error=repr(error))
            await self._one_by_one(runtime, moves)
        return any(move.is_step for move in moves)

    async def _one_by_one(self, runtime: Runtime, moves: Sequence[Move]) -> None:
        """Each alone; what failed is raised when all have had their turn."""
        ended = await asyncio.gather(
            *(self._transact(runtime, [move]) for move in moves), return_exceptions=True
        )
        for found in ended:
            if isinstance(found, BaseException):
                raise found

    async def _transact(self, runtime: Runtime, moves: Sequence[Move]) -> None:
        if not moves:
            return
        # In the order of missions, which are locked: two replicas wait for each other, not both.
        moves = sorted(moves, key=lambda move: move.case.contract.mission_id)
        for move in moves:
            runtime.crash_point(move.moments.first)
        async with runtime.unit() as unit:
            for move in moves:
                await move.carry_out(Steps(unit, move.case, self._settings))
                runtime.crash_point(move.moments.written)
        for move in moves:
            runtime.crash_point(move.moments.committed)


def _follow(case: Case, answer: Answer) -> Move:
    match answer:
        case Taken():
            return Note(case, answer)
        case Declined(why, may_exist):
            return Obey(case, on_refused(case.facts, why, may_exist=may_exist))


def _spec_of(case: Case) -> bytes:
    assert case.task_spec is not None  # noqa: S101 - whoever wants a task has stored it
    return case.task_spec
