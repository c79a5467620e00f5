"""Random lives of tasks on real Postgres beside the model of expected.py: after each step both say the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from grace.contracts.htm import (
    Beat,
    ClaimedTask,
    ClaimedTasks,
    ClaimTasks,
    Progress,
    RunningAttempt,
    SteerTask,
    SubmitTasks,
    SubmittedTasks,
    TaskReports,
    TasksFinished,
    TaskUpdate,
)
from grace.htm import loops
from grace.htm.domain.lifecycle import FINAL, TRANSITIONS
from grace.htm.handlers import claim, lease, report, steer, submit
from grace.htm.settings import Settings
from grace.kit import Called, Calls, Conflict, Received, Unit, new_id

from .expected import CLASSES, HELD, WAITING, Expected

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

# No retry is due and no lease lapses by itself: time passes where a rule says so.
LONG = timedelta(hours=1)
LATER = datetime(2199, 1, 1, tzinfo=UTC)
SETTINGS = Settings(retry_first=LONG, retry_longest=LONG, lease=LONG)
KINDS = ("started", "completed", "failed", "timeout")
REFUSED = ("unknown_task", "not_owner")
DOORS = {(str(start), str(end)) for start, ways in TRANSITIONS.items() for end in ways.values()}
# A claim that was made, and what is wrong about the word on it: mostly nothing but its age.
FORGERIES = ("", "", "", "", "other worker", "next attempt", "no such task")
POINTS = st.tuples(st.integers(0, 63), st.sampled_from(FORGERIES))
HOW = st.tuples(st.sampled_from((*CLASSES, "unheard", None)), st.booleans(), st.integers(-1, 1),
                st.sampled_from((None, 40, 20)))  # fmt: skip
REPORTS = st.lists(st.tuples(POINTS, st.sampled_from(KINDS), HOW), min_size=1, max_size=3)
RELATION = st.tuples(st.sampled_from(("", "", "", "later", "before", "parent")), st.integers(0, 15))
ORDER = st.tuples(
    st.integers(0, 7),
    st.sampled_from((3, 2, 1)),
    st.sampled_from(("observe", "observe", "revert")),
    RELATION,
)
Order = tuple[int, int, str, tuple[str, int]]
CHOICES = st.lists(st.integers(0, 15), min_size=1, max_size=3)
WORKERS = ("w1", "w2")
ASKED = st.tuples(st.sampled_from(WORKERS), st.integers(1, 3))

EVERYTHING = """
SELECT t.*, ARRAY(SELECT outcome FROM htm_task_attempts a WHERE a.task_id = t.id
                   ORDER BY attempt_number)
            || ARRAY(SELECT 'running' WHERE t.status IN ('assigned', 'running')) AS endings,
       (SELECT percent FROM htm_progress p
         WHERE p.task_id = t.id AND p.attempt_number = t.attempt_number) AS said
  FROM htm_tasks t
"""


class Machine(RuleBasedStateMachine):
    """Clients, two workers, the loops, and a network that repeats, delays and forges."""

    crew: ClassVar[Crew]
    loop: ClassVar[asyncio.AbstractEventLoop]
    steps: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.tasks: dict[UUID, Expected] = {}
        self.keys: dict[str, tuple[object, str]] = {}
        self.sent: list[tuple[Received[TaskReports], list[tuple[Any, ...]]]] = []
        self.memory = claim.Memory()
        self.claims: list[tuple[UUID, int, str]] = []
        self.seen: dict[UUID, Any] = {}
        (row,) = self.rows("SELECT coalesce(max(position), 0) AS position FROM outbox")
        self.position = row["position"]

    @initialize(orders=st.lists(ORDER, min_size=3, max_size=5), choices=CHOICES)
    def begin(self, orders: list[Order], choices: list[int]) -> None:
        """Most of what can go wrong begins with a claim, or with a lease that lapsed."""
        self.submit(orders)
        self.claim([("w1", 2), ("w2", 1)])
        self.both_say_the_same()
        self.lapse(choices)

    @rule(orders=st.lists(ORDER, min_size=1, max_size=4))
    def submit(self, orders: list[Order]) -> None:
        specs = [self.crew.spec(key=f"k{key}", max_attempts=most, step=step, **self.related(*how))
                 for key, most, step, how in orders]  # fmt: skip
        calls = [_called(SubmitTasks(tasks=(spec,))) for spec in specs]
        answers = self.act(lambda unit: submit.on_submit(SETTINGS, calls, unit))
        for spec, answer in zip(specs, answers, strict=True):
            (taken,) = SubmittedTasks.from_bytes(answer.to_bytes()).tasks
            body, task_id = self.keys.setdefault(spec.key, (spec, taken.task_id))
            new = UUID(taken.task_id) not in self.tasks
            outcome = "conflict" if body != spec else "created" if new else "existing"
            assert (taken.outcome, taken.task_id) == (outcome, task_id)
            if new:
                expires = spec.step != "revert"
                self.tasks[UUID(task_id)] = Expected(spec.max_attempts, expires)
                self.relate(self.tasks[UUID(task_id)], spec)

    def related(self, how: str, which: int) -> dict[str, Any]:
        """A time to come, or some task that is there, as what must succeed before or as a parent."""
        if how == "later":
            return {"run_at": LATER}
        open_ = {i: t for i, t in self.tasks.items() if t.state not in FINAL and not t.stops}
        may = [i for i, t in open_.items() if not t.parent] if how == "parent" else [*self.tasks]
        if not how or not may:
            return {}
        other = str(may[which % len(may)])
        return {"parent_id": other} if how == "parent" else {"depends_on": (other,)}

    def relate(self, task: Expected, spec: Any) -> None:
        task.before = [self.tasks[UUID(other)] for other in spec.depends_on]
        task.state = "waiting" if task.before else "scheduled" if spec.run_at else "queued"
        if spec.parent_id:
            task.parent = self.tasks[UUID(spec.parent_id)]
            task.parent.children.append(task)

    @precondition(lambda self: self.in_state("queued"))
    @rule(asked=st.lists(ASKED, min_size=1, max_size=3))
    def claim(self, asked: list[tuple[str, int]]) -> None:
        calls = Calls([_called(ClaimTasks(worker_id=worker, kernels=("noop",), slots=slots))
                       for worker, slots in asked])  # fmt: skip
        given_out = self.act(lambda unit: claim.on_claim(SETTINGS, self.memory, calls, unit))
        answers = [ClaimedTasks.from_bytes(answer.to_bytes()) for answer in given_out]
        queued = self.in_state("queued")
        given = [task for answer in answers for task in answer.tasks]
        assert len(given) == min(sum(slots for _, slots in asked), len(queued))
        assert len({task.task_id for task in given} - set(map(str, queued))) == 0
        for (worker, slots), answer in zip(asked, answers, strict=True):
            assert len(answer.tasks) <= slots
            for task in answer.tasks:
                self.assigned(task, worker)

    def assigned(self, task: ClaimedTask, worker: str) -> None:
        expected = self.tasks[UUID(task.task_id)]
        expected.state, expected.owner, expected.said = "assigned", worker, None
        expected.attempt += 1
        expected.endings.append("running")
        self.claims.append((UUID(task.task_id), expected.attempt, worker))
        assert task.attempt_number == expected.attempt

    @precondition(lambda self: self.claims)
    @rule(told=REPORTS)
    def report(self, told: list[tuple[Any, ...]]) -> None:
        points = [(*self.point(*point), kind, how) for point, kind, how in told]
        body = TaskReports(updates=tuple(self.update(*point) for point in points))
        self.deliver(_received(body), points)

    @precondition(lambda self: self.old_claims())
    @rule(told=REPORTS)
    def report_late(self, told: list[tuple[Any, ...]]) -> None:
        """Words on attempts that others have followed."""
        old = self.old_claims()
        points = [(*old[which % len(old)], kind, how) for (which, _), kind, how in told]
        body = TaskReports(updates=tuple(self.update(*point) for point in points))
        self.deliver(_received(body), points)

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 63))
    def repeat(self, which: int) -> None:
        self.deliver(*self.sent[which % len(self.sent)])

    def deliver(self, message: Received[TaskReports], points: list[tuple[Any, ...]]) -> None:
        self.sent.append((message, points))
        standings = [self.hear(*point) for point in points]
        counted, rejected = self.act(lambda unit: _reported(message, unit))
        refused = [standing for standing in standings if standing in REFUSED]
        assert rejected == refused[:1]
        assert counted == Counter(s for s in standings if s not in (*REFUSED, "current"))

    def hear(self, task_id: UUID, number: int, worker: str, kind: str, how: Any) -> str:
        task = self.tasks.get(task_id)
        standing = task.standing(kind, number, worker, how[3]) if task else "unknown_task"
        if task and standing == "current":
            task.hear(kind, how[0], retryable=how[1], percent=how[3])
        return standing

    @precondition(lambda self: self.claims)
    @rule(worker=st.sampled_from(WORKERS), points=st.lists(POINTS, max_size=4))
    def beat(self, worker: str, points: list[tuple[int, str]]) -> None:
        named = {self.point(*point)[:2] for point in points}
        attempts = tuple(RunningAttempt(task_id=str(i), attempt_number=n) for i, n in named)
        body = Beat(worker_id=worker, attempts=attempts)
        beaten = self.act(lambda unit: lease.on_beat(SETTINGS, _called(body), unit))
        stop = {(UUID(each.task_id), each.attempt_number) for each in beaten.stop}
        assert stop == {point for point in named if not self.holds(worker, *point)}
        cancel = {(UUID(each.task_id), each.attempt_number) for each in beaten.cancel}
        assert cancel == {(i, n) for i, n in named - stop if self.tasks[i].cancelling}

    @precondition(lambda self: self.in_state(*HELD))
    @rule(choices=CHOICES)
    def lapse(self, choices: list[int]) -> None:
        for task in self.past("lease_until", self.some(choices, *HELD)):
            task.lapse()
        self.tick(loops.Rescue(SETTINGS))

    @precondition(lambda self: self.in_state("retrying", "scheduled"))
    @rule(choices=CHOICES, asked=st.lists(ASKED, max_size=2))
    def promote(self, choices: list[int], asked: list[tuple[str, int]]) -> None:
        """Waits are over; some workers stand by."""
        for task in self.past("not_before", self.some(choices, "retrying", "scheduled")):
            task.state = "queued"
        self.tick(loops.Promote(SETTINGS))
        self.both_say_the_same()
        if asked:
            self.claim(asked)

    @precondition(lambda self: self.in_state(*WAITING))
    @rule(choices=st.lists(st.integers(0, 15), max_size=1))
    def expire(self, choices: list[int]) -> None:
        for task in self.past("expires_at", self.some(choices, *WAITING, *HELD)):
            task.overdue = task.expires
        for task_id in self.in_state(*WAITING):
            if self.tasks[task_id].overdue:
                self.tasks[task_id].go("expired")
        self.tick(loops.Expire(SETTINGS))

    @precondition(lambda self: self.tasks)
    @rule(which=st.integers(0, 63))
    def cancel(self, which: int) -> None:
        task_id = list(self.tasks)[which % len(self.tasks)]
        done = self.steer(task_id, "cancel")
        assert done == self.tasks[task_id].cancel()

    @precondition(lambda self: any(task.parks for task in self.tasks.values()))
    @rule(which=st.integers(0, 63))
    def release(self, which: int) -> None:
        """Of what rests, or did once."""
        parked = [task_id for task_id, task in self.tasks.items() if task.parks]
        task_id = parked[which % len(parked)]
        done = self.steer(task_id, "release")
        assert done == self.tasks[task_id].release()

    def steer(self, task_id: UUID, act: str) -> bool:
        """Whether a person may do that."""
        body = SteerTask(tenant_id="default", task_id=str(task_id), act=act, principal="ada")
        try:
            self.act(lambda unit: steer.on_steer_task(SETTINGS, _called(body), unit))
        except Conflict:
            return False
        return True

    @invariant()
    def both_say_the_same(self) -> None:
        self.look()
        while self.tick(loops.Follow(SETTINGS)):
            self.look(agreed=False)
        while any(task.follow() for task in self.tasks.values()):
            pass
        self.look()
        self.steps["steps"] += 1

    def look(self, *, agreed: bool = True) -> None:
        rows = {row["id"]: row for row in self.rows(EVERYTHING)}
        assert rows.keys() == self.tasks.keys()
        for task_id, row in rows.items():
            if agreed:
                _agree(row, self.tasks[task_id])
            _in_order(row)
            if before := self.seen.get(task_id):
                _moved_rightly(before, row)
        self.seen = rows

    def teardown(self) -> None:
        """Each end and each rest was told once; then the tables are empty for the next life."""
        bodies = self.rows("SELECT body FROM outbox WHERE subject = $1 AND position > $2",
                           TasksFinished.SUBJECT, self.position)  # fmt: skip
        told = [t for row in bodies for t in TasksFinished.from_bytes(row["body"]).tasks]
        for table in (
            "htm_ends",
            "htm_dependencies",
            "htm_task_keys",
            "htm_task_attempts",
            "htm_progress",
            "htm_tasks",
        ):
            self.rows(f"DELETE FROM {table}")
        ends = {(str(i), t.state): 1 for i, t in self.tasks.items() if t.state in FINAL}
        rests = {(str(i), "needs_attention"): t.parks for i, t in self.tasks.items() if t.parks}
        assert Counter((t.task_id, str(t.outcome)) for t in told) == Counter({**ends, **rests})

    def old_claims(self) -> list[tuple[UUID, int, str]]:
        return [claim for claim in self.claims if claim[1] < self.tasks[claim[0]].attempt]

    def point(self, which: int, forgery: str) -> tuple[UUID, int, str]:
        """A claim of any age, or what somebody makes of it."""
        task_id, number, worker = self.claims[which % len(self.claims)]
        match forgery:
            case "other worker":
                return task_id, number, WORKERS[worker == "w1"]
            case "next attempt":
                return task_id, number + 1, worker
            case "no such task":
                return UUID(int=which), number, worker
        return task_id, number, worker

    def update(self, task_id: UUID, number: int, worker: str, kind: str, how: Any) -> TaskUpdate:
        """The report, by a worker whose clock is wrong by some hours."""
        word, hint, hours, percent = how
        claimed = ClaimedTask.model_construct(task_id=str(task_id), attempt_number=number)
        at, more = datetime.now(UTC) + hours * LONG, {"error_class": word, "retryable": hint}
        told = Progress(percent=percent) if percent is not None else None
        return self.crew.update(claimed, kind, worker_id=worker, at=at, progress=told, **more)

    def holds(self, worker: str, task_id: UUID, number: int) -> bool:
        task = self.tasks.get(task_id)
        return task is not None and (task.owner, task.attempt) == (worker, number) and (
            task.state in HELD)  # fmt: skip

    def in_state(self, *states: str) -> list[UUID]:
        return [task_id for task_id, task in self.tasks.items() if task.state in states]

    def some(self, choices: Iterable[int], *states: str) -> list[UUID]:
        ids = self.in_state(*states)
        return sorted({ids[choice % len(ids)] for choice in choices}) if ids else []

    def past(self, column: str, ids: list[UUID]) -> list[Expected]:
        """Let the time in a column of these tasks have come."""
        self.rows(f"UPDATE htm_tasks SET {column} = statement_timestamp() - $2::interval"
                  f" WHERE id = ANY($1) AND {column} IS NOT NULL", ids, LONG)  # fmt: skip
        return [self.tasks[task_id] for task_id in ids]

    def tick(self, duty: Any) -> Any:
        return self.wait(duty.tick(self.crew.htm))

    def act(self, handler: Callable[[Unit], Awaitable[Any]]) -> Any:
        """Let a handler work in a transaction of its own."""

        async def in_a_unit() -> Any:
            async with self.crew.htm.unit() as unit:
                return await handler(unit)

        return self.wait(in_a_unit())

    def rows(self, query: str, *arguments: object) -> Any:
        return self.wait(self.crew.house.rows("htm", query, *arguments))

    def wait(self, doing: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(timeout=30)


def _agree(row: Any, task: Expected) -> None:
    found = (row["status"], row["attempt_number"], row["failures"], row["lapses"], row["worker_id"])
    assert found == (task.state, task.attempt, task.failures, task.lapses, task.owner)
    assert (row["endings"], row["said"]) == (task.endings, task.said)


def _in_order(row: Any) -> None:
    names = ("created_at", "queued_at", "assigned_at", "started_at", "finished_at")
    times = [row[name] for name in names if row[name] is not None]
    assert times == sorted(times)
    assert (row["finished_at"] is not None) == (row["status"] in FINAL)


def _moved_rightly(before: Any, now: Any) -> None:
    """A final row is never touched; any other takes one listed door."""
    start, end = before["status"], now["status"]
    if start in FINAL:
        assert now == before
    assert start == end or (start, end) in DOORS


async def _reported(message: Any, unit: Unit) -> tuple[Counter[str], list[str]]:
    await report.on_task_update(SETTINGS, [message], unit)
    return Counter(reason for _, reason in unit._counted), [r.reason for r in unit._rejected]


def _called(body: Any) -> Called[Any]:
    return Called(body, new_id(), "", "worker", "key", "default", "", None)


def _received(body: TaskReports) -> Received[TaskReports]:
    now, identity = datetime.now(UTC), new_id()
    return Received(body, identity, body.SUBJECT, now, "worker", "key", "default", "", None)
