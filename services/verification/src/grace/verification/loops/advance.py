"""Moves every contract one step further: facts, decision, guarded change, message."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from grace.kit import GraceError, Runtime
from grace.verification.domain.advance import next_step, on_refused
from grace.verification.domain.decision import Measure, Submit
from grace.verification.domain.facts import Limits
from grace.verification.domain.lifecycle import after
from grace.verification.domain.task import Report, Step
from grace.verification.loops.moves import Carried, Move, Note, Obey, carry_out
from grace.verification.loops.queue import Answer, Declined, Taken, reports_of, submit_all
from grace.verification.settings import Settings
from grace.verification.store import Case, Contracts, opened
from grace.verification.store.orders import contract_order


class Advance:
    """Level-based: whatever happened, and however often, the next step follows from the facts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = Limits(settings.measure_within, settings.wait_at_most)

    async def tick(self, runtime: Runtime) -> bool:
        """Advance the contracts that are due; True when there may be more."""
        most = self._settings.advance_most
        async with runtime.unit() as unit:
            cases = await Contracts(unit.tx).claim(most=most, claim_for=self._settings.claim_for)
            now = await unit.now()
        if not cases:
            return False
        try:
            reports = await reports_of(runtime, [case.task_id for case in cases if case.task_id])
        except GraceError as error:
            runtime.log.warning("advance.waits", error=error.detail, contracts=len(cases))
            return False
        nudged = await self._all(runtime, cases, reports, now)
        return nudged or len(cases) == most

    async def _all(
        self,
        runtime: Runtime,
        cases: Sequence[Case],
        reports: Mapping[str, Report],
        now: datetime,
    ) -> bool:
        """Decide about all, and go on with each as far as nobody else is needed."""
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
        return await self._go_on(runtime, moves, wanting)

    async def _go_on(
        self, runtime: Runtime, moves: Sequence[Move], wanting: Sequence[Case] = ()
    ) -> bool:
        """Take contracts as far as they go without anybody else; whether others are due now."""
        nudged = False
        while moves or wanting:
            carried = await self._carry_out(runtime, await self._ahead(runtime, moves))
            nudged = nudged or carried.nudged
            moves = await self._submit(runtime, [*wanting, *carried.wanting])
            wanting = ()
        return nudged

    async def _ahead(self, runtime: Runtime, moves: Sequence[Move]) -> list[Move]:
        """Let measurements begin while what they are for is written down: they change nothing.

        What is not known of a task that htm got and a crash forgot is the same task again.
        """
        wanting = [
            _measuring(move.case, move.decision, self._settings)
            for move in moves
            if isinstance(move, Obey) and isinstance(move.decision, Measure)
        ]
        notes = await self._submit(runtime, wanting)
        taken = {note.case.contract_id: note.taken for note in notes if isinstance(note, Note)}
        return [
            replace(move, taken=taken[move.case.contract_id])
            if isinstance(move, Obey) and move.case.contract_id in taken
            else move
            for move in moves
        ]

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

    async def _carry_out(self, runtime: Runtime, moves: Sequence[Move]) -> Carried:
        """Change all contracts in one transaction, which is paid for once; each alone where it fails.

        One that fails then does not hold up the others.
        """
        if not moves:
            return Carried()
        try:
            return await self._transact(runtime, moves)
        except Exception as error:
            if len(moves) == 1:
                raise
            runtime.log.info("advance.one_by_one", contracts=len(moves), error=repr(error))
            await self._one_by_one(runtime, moves)
            return Carried(nudged=True)

    async def _one_by_one(self, runtime: Runtime, moves: Sequence[Move]) -> None:
        """Each alone; what failed is raised when all have had their turn."""
        ended = await asyncio.gather(
            *(self._go_on(runtime, [move]) for move in moves), return_exceptions=True
        )
        for found in ended:
            if isinstance(found, BaseException):
                raise found

    async def _transact(self, runtime: Runtime, moves: Sequence[Move]) -> Carried:
        _pass(runtime, [move.moments.first for move in moves])
        async with runtime.unit() as unit:
            carried = await carry_out(unit, moves, self._settings)
            _pass(runtime, [move.moments.written for move in moves])
        _pass(runtime, [move.moments.committed for move in moves])
        return carried


def _pass(runtime: Runtime, moments: Iterable[Sequence[str]]) -> None:
    for moment in chain.from_iterable(moments):
        runtime.crash_point(moment)


def _measuring(case: Case, decision: Measure, settings: Settings) -> Case:
    task_spec = contract_order(settings, decision.wanted, case).to_bytes()
    return case.wanting(after(case.facts.status, decision.event), Step.MEASURE, task_spec)


def _follow(case: Case, answer: Answer) -> Move:
    match answer:
        case Taken():
            return Note(case, answer)
        case Declined(why, may_exist):
            return Obey(case, on_refused(case.facts, why, may_exist=may_exist))


def _spec_of(case: Case) -> bytes:
    assert case.task_spec is not None  # noqa: S101 - whoever wants a task has stored it
    return case.task_spec
