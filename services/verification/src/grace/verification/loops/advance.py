"""Moves every contract one step further: facts, decision, guarded change, message."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from grace.kit import GraceError, Runtime, Transaction
from grace.verification.domain.advance import next_step, on_refused
from grace.verification.domain.decision import Measure, Submit
from grace.verification.domain.facts import Limits
from grace.verification.domain.lifecycle import after
from grace.verification.domain.task import Step
from grace.verification.loops.crash import pass_all
from grace.verification.loops.moves import Carried, Move, Note, Obey, carry_out
from grace.verification.loops.queue import Answer, Declined, Taken, reports_of, submit_all
from grace.verification.settings import Settings
from grace.verification.store import Case, Contracts, opened
from grace.verification.store.orders import contract_order
from grace.verification.store.turns import Turns


class Advance:
    """Level-based: whatever happened, and however often, the next step follows from the facts."""

    def __init__(self, settings: Settings, turns: Turns | None = None) -> None:
        self._settings = settings
        self._limits = Limits(settings.measure_within, settings.wait_at_most)
        self._turns = Turns() if turns is None else turns
        self._look_at = 0.0

    async def tick(self, runtime: Runtime) -> bool:
        """Advance those whose turn has come; True when there may be more.

        Who is known to be due is read and not claimed: two who go on at once are told apart by
        the version, and a claim is a write.
        """
        most = self._settings.advance_most
        named, acting = self._turns.take(most=most)
        async with runtime.reading() as tx:
            due = [] if (named or acting) and not self._looks() else await self._claim(tx)
            cases = await Contracts(tx).cases(list(dict.fromkeys([*named, *due])))
        with self._turns.in_hand({case.contract_id for case in [*cases, *acting]}):
            nudged = await self._all(runtime, cases, acting)
        return nudged or bool(self._turns) or len(due) == most

    def _looks(self) -> bool:
        """Whether it is time to look for what is due by its row."""
        return time.monotonic() >= self._look_at

    async def _claim(self, tx: Transaction) -> list[str]:
        settings = self._settings
        self._look_at = time.monotonic() + settings.advance_interval.total_seconds()
        return await Contracts(tx).claim(most=settings.advance_most, claim_for=settings.claim_for)

    async def _all(self, runtime: Runtime, cases: Sequence[Case], acting: Sequence[Case]) -> bool:
        """Decide about all, and go on with each as far as nobody else is needed."""
        task_ids = [case.task_id for case in cases if case.task_id]
        try:
            reports = await reports_of(runtime, task_ids)
        except GraceError as error:
            runtime.log.warning("advance.waits", error=error.detail, contracts=len(cases))
            cases, reports = [], {}
        moves: list[Move] = []
        wanting: list[Case] = list(acting)
        safe = runtime.keys.safe
        for case in (opened(sealed, safe) for sealed in cases):
            report = reports.get(case.task_id or "")
            decision = next_step(case.facts, report, now=case.seen_at, limits=self._limits)
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
        moments = [move.moments for move in moves]
        pass_all(runtime, chain.from_iterable(each.first for each in moments))
        async with runtime.unit() as unit:
            carried = await carry_out(unit, moves, self._settings)
            pass_all(runtime, chain.from_iterable(each.written for each in moments))
        pass_all(runtime, chain.from_iterable(each.committed for each in moments))
        return carried


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
