"""The service dies at every edge, once each: whatever it did, the next tick goes on from there."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from grace.contracts.htm import ClaimedTask
from grace.kit import Query, Runtime, Transaction, Unit
from grace.testkit import eventually
from grace.verification import loops

if TYPE_CHECKING:
    from conftest import Play

DRIFT = {"waiting": 0, "throughput": 95.0, "error_rate": 1.0}


class Died(Exception):
    """The process is gone."""


class Doomed:
    """A runtime that dies at every edge, the first time it comes there.

    An edge is a moment (before a commit, after one, after an answer of htm) in a state of the
    contract; what a tick does first and what it does then are different edges.
    """

    def __init__(self, runtime: Runtime, *, every_act: bool = True) -> None:
        self._runtime = runtime
        self._every_act = every_act
        self._acts = 0
        self.deaths: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._runtime, name)

    def begin(self) -> None:
        """A new life."""
        self._acts = 0

    @asynccontextmanager
    async def unit(self, **how: Any) -> AsyncIterator[Unit]:
        self._acts += 1
        async with self._runtime.unit(**how) as unit:
            yield unit
            state = await _state(unit.tx)
            self._pass("before_commit", state)
        self._pass("after_commit", state)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        async with self._runtime.reading() as tx:
            yield tx
            state = await _state(tx)
        self._pass("after_claim", state)

    async def call(self, *what: Any, **how: Any) -> object:
        answer = await self._runtime.call(*what, **how)
        async with self._runtime.reading() as tx:
            self._pass(type(what[0]).__name__, await _state(tx))
        return answer

    def _pass(self, moment: str, state: tuple[object, ...]) -> None:
        edge = (moment, self._acts if self._every_act else 0, *state)
        if edge not in self.deaths:
            self.deaths.append(edge)
            raise Died


# A contract's state, with its step, in which somebody may die: each of them at each moment.
HOLDING, EXECUTING = ("holding", "apply"), ("executing", "apply")
MEASURING, REVERTING = ("measuring", "measure"), ("reverting", "revert")
RESTORED, REMEASURED = ("restoring", "restored"), ("restoring", "remeasure")
ALIVE = {HOLDING, EXECUTING, MEASURING, REVERTING, RESTORED, REMEASURED}
END = ("rolled_back", "remeasure")
# Taking a contract up is one statement that commits by itself: nothing is written before it.
EDGES = (
    {("after_claim", *each) for each in {*ALIVE, ("approved", None)}}
    | {("before_commit", *each) for each in {*ALIVE, END}}
    | {("after_commit", *each) for each in {*ALIVE, END}}
    | {("GetTasks", *each) for each in ALIVE - {HOLDING}}
    | {("SubmitTasks", *each) for each in ALIVE - {MEASURING}}
)
STATE = Query.parse(
    "state", "select status, step, task_id is null from action_contracts order by sequence"
)


async def _state(tx: Transaction) -> tuple[object, ...]:
    return tuple(value for row in await tx.fetch(STATE) for value in row)


@contextlib.contextmanager
def robot(play: Play) -> Iterator[None]:
    """A worker that does whatever is asked: the action drifts, its revert restores."""
    task = asyncio.create_task(_work(play))
    try:
        yield
    finally:
        task.cancel()


async def _work(play: Play) -> None:
    while True:
        with contextlib.suppress(AssertionError):
            task = await play.claim_any(timeout=1)
            await play.report(task, _result(play, task))


def _result(play: Play, task: ClaimedTask) -> str:
    if task.spec.step == "apply":
        return play.make.applied()
    word = task.spec.key.partition(":")[2]
    results = {"measure:1": DRIFT, "restored": play.make.before, "measure:2": play.make.good}
    return json.dumps(results.get(word, {"after": {}}))


async def test_a_death_at_every_edge_leaves_a_contract_that_goes_on_to_its_one_end(
    play: Play,
) -> None:
    soon = timedelta(milliseconds=30)
    async with play.still(claim_for=soon, poll_interval=soon) as runtime:
        mission_id = await play.start()
        doomed, advance = Doomed(runtime), loops.Advance(runtime.settings)

        async def tick_until_closed() -> bool:
            doomed.begin()
            with contextlib.suppress(Died):
                await advance.tick(doomed)
            rows = await play.house.rows("verification", "select closed_at from missions")
            return rows[0]["closed_at"] is not None

        with robot(play):
            await eventually(tick_until_closed, timeout=40)
        await play.mission_until(mission_id, "rolled_back")
        tasks = await play.house.rows(
            "htm", "select 1 from htm_tasks where mission_id = $1", mission_id
        )
        assert len(tasks) == 5
        for subject in ("verification.action.closed", "verification.mission.closed"):
            assert len(await eventually(lambda subject=subject: play.told(subject))) == 1
        assert len(await play.told("agentic.action_executing")) == 2
        assert await play.holds() == []
        assert {(moment, *where) for moment, _, *where, _ in doomed.deaths} == EDGES
        assert len(doomed.deaths) == 40  # some edges are met before and after a task was asked for
