"""The torture itself: its short form, its plan, and that the checker complains where it has to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from load.apart import Grounds
from torture import orders, plan
from torture.books import Books
from torture.checker import RULES, check
from torture.evidence import Evidence
from torture.limits import Samples
from torture.plan import Kind
from torture.run import FULL, SHORT, torture

from grace.testkit import House
from grace.testkit.house import TESTER

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.timeout(150)
async def test_no_fault_loses_a_task_or_does_one_twice(house: House, tmp_path: Path) -> None:
    grounds = Grounds(house.installation, house.database, TESTER, tmp_path)
    result = await torture(grounds, SHORT, seed=7)
    assert result.breaches == []
    assert {each.kind for each in result.done} == set(Kind)
    assert result.figures.tasks == SHORT.tasks
    assert result.figures.stale_attempts > 0
    assert result.figures.poison > 0
    assert result.figures.limits_reached > 0


def test_a_plan_comes_from_its_seed_alone_and_has_every_fault() -> None:
    faults = plan.draw(7, FULL.faults)
    assert faults == plan.draw(7, FULL.faults) != plan.draw(8, FULL.faults)
    assert len(faults) == FULL.faults
    assert set(times := Counter(fault.kind for fault in faults)) == set(Kind)
    assert times[Kind.NATS_WIPE] >= 5
    assert times[Kind.HAND_STOP] >= 30


def test_orders_come_from_their_seed_alone_and_are_of_every_kind() -> None:
    drawn = orders.draw(7, 2000)
    assert drawn == orders.draw(7, 2000) != orders.draw(8, 2000)
    assert len({order.key for order in drawn}) == 2000
    assert {order.kind for order in drawn} == set(orders.Kind)


class Run:
    """Evidence of a run in which nothing went wrong: one task that lapsed once and succeeded."""

    def __init__(self) -> None:
        (self.order,) = orders.draw(1, 1)
        self.order = replace(self.order, kind=orders.Kind.PLAIN)
        self.task_id: UUID = uuid4()
        self.books = Books()
        self.books.accept(self.order, self.task_id, "created")
        self.books.told[self.task_id].add((uuid4(), "succeeded"))
        self.books.poison["poison"] = 1
        self.task: dict[str, Any] = {
            "id": self.task_id, "key": self.order.key, "status": "succeeded", "attempt_number": 1,
            "kernel": orders.KERNEL, "print": "x", **_times("created queued assigned started finished"),
        }  # fmt: skip
        self.attempt: dict[str, Any] = {
            "task_id": self.task_id, "attempt_number": 1, "worker_id": "w", "outcome": "succeeded",
            **_times("assigned started finished"),
        }  # fmt: skip
        steps = (None, "queued", "assigned", "running", "succeeded")
        self.moves = [
            {"task_id": self.task_id, "old": old, "new": new, "print": "x"}
            for old, new in pairwise(steps)
        ]
        self.reports = {(self.task_id, 1, "w", "completed"): _NOON}
        self.effects = [{"task_id": self.task_id, "attempt_number": 1, "granted": 1}]
        self.quarantine = {"poison": 1}
        self.unsent = 0
        self.drained_after: float | None = 1.0
        self.samples = Samples(looks=1, over=[])
        self.executions = 1

    def evidence(self) -> Evidence:
        numbers = range(1, self.executions + 1)
        return Evidence(
            books=self.books,
            tasks={self.task_id: self.task},
            attempts={(self.task_id, number): self.attempt for number in numbers},
            moves=self.moves,
            reports=self.reports,
            effects=self.effects,
            quarantine=self.quarantine,
            unsent=self.unsent,
            began_at=_NOON,
            ended_at=_NOON + timedelta(minutes=1),
            samples=self.samples,
            drained_after=self.drained_after,
        )

    def breaches(self) -> set[str]:
        return {finding.rule for finding in check(self.evidence()) if finding.is_breach}


def _times(names: str) -> dict[str, datetime]:
    return {f"{n}_at": _NOON + timedelta(seconds=i) for i, n in enumerate(names.split(), 1)}


def test_a_run_in_which_nothing_went_wrong_has_no_breach() -> None:
    assert Run().breaches() == set()


def _lose(run: Run) -> None:
    run.books.accepted["other"] = (run.order, uuid4())


def _forget(run: Run) -> None:
    run.books.accepted.clear()


def _leave(run: Run) -> None:
    run.task["status"] = "running"


def _tell_twice(run: Run) -> None:
    run.books.told[run.task_id].add((uuid4(), "succeeded"))


def _change(run: Run) -> None:
    run.task["print"] = "y"


def _want_otherwise(run: Run) -> None:
    run.books.accepted[run.order.key] = (replace(run.order, kind=orders.Kind.REFUSED), run.task_id)


def _unsay(run: Run) -> None:
    others = ((1, "another"), (2, "w"))
    run.reports = {(run.task_id, number, who, "completed"): _NOON for number, who in others}


def _say_late(run: Run) -> None:
    """Its worker says so in the end, but somebody else had been believed."""
    run.reports = {(run.task_id, 1, "w", "completed"): _NOON + timedelta(minutes=1)}


def _do_twice(run: Run) -> None:
    run.effects *= 2


def _overtake(run: Run) -> None:
    run.effects[0]["granted"] = 2


def _do_nothing(run: Run) -> None:
    run.effects = []


def _accept_otherwise(run: Run) -> None:
    run.books.accept(run.order, uuid4(), "created")


def _refuse_the_same(run: Run) -> None:
    run.books.accept(run.order, run.task_id, "conflict")


def _tell_nothing(run: Run) -> None:
    run.books.told.clear()


def _keep_in_the_outbox(run: Run) -> None:
    run.unsent = 1


def _repeat(run: Run) -> None:
    run.executions = run.task["attempt_number"] = 2


def _take_long(run: Run) -> None:
    run.drained_after = 61.0


def _never_drain(run: Run) -> None:
    run.drained_after = None


def _drop_poison(run: Run) -> None:
    run.quarantine = {}


def _keep_poison_twice(run: Run) -> None:
    run.quarantine["poison"] = 2


def _jump(run: Run) -> None:
    del run.moves[1:3]
    run.moves[1]["old"] = "queued"


def _leave_the_end(run: Run) -> None:
    run.moves.append({"task_id": run.task_id, "old": "succeeded", "new": "queued", "print": "x"})


def _skip_a_number(run: Run) -> None:
    run.task["attempt_number"] = 2


def _start_before(run: Run) -> None:
    run.attempt["started_at"] = _NOON


def _end_after_the_run(run: Run) -> None:
    run.task["finished_at"] = _NOON + timedelta(hours=1)


def _hold_too_many(run: Run) -> None:
    run.samples.add([{"who": "intent", "held": 3, "most": 2}])


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (_lose, "lost"), (_forget, "uninvited"), (_leave, "unfinished"),
        (_tell_twice, "final twice"), (_change, "changed at rest"), (_want_otherwise, "wrong end"),
        (_unsay, "ended by nobody's report"), (_say_late, "ended by nobody's report"),
        (_do_twice, "double effect"),
        (_overtake, "stale effect"), (_do_nothing, "false success"),
        (_accept_otherwise, "two tasks for a key"), (_refuse_the_same, "two tasks for a key"),
        (_tell_nothing, "untold"), (_keep_in_the_outbox, "untold"),
        (_repeat, "too many executions"), (_take_long, "drained too late"),
        (_never_drain, "drained too late"), (_drop_poison, "poison not kept"), (_keep_poison_twice, "poison not kept"),
        (_jump, "illegal move"), (_leave_the_end, "illegal move"),
        (_skip_a_number, "attempts with gaps"), (_start_before, "times out of order"),
        (_end_after_the_run, "times out of order"), (_hold_too_many, "over the limit"),
    ],
)  # fmt: skip
def test_what_may_not_be_is_found(wrong: Callable[[Run], None], rule: str) -> None:
    run = Run()
    wrong(run)
    assert rule in run.breaches()


def test_every_rule_is_shown_to_find_something() -> None:
    shown = {case[1] for case in test_what_may_not_be_is_found.pytestmark[0].args[1]}
    assert shown == {rule for rule, _, _ in RULES}
