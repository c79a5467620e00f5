"""The cube on real servers: figures are those of a history that was counted by hand."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.governance import ApprovalGranted, ApprovalRejected, ApprovalRequested
from grace.contracts.htm import FinishedTask, TasksFinished
from grace.contracts.intent import ErrorCaptured
from grace.contracts.message import Message
from grace.contracts.observability import (
    CubeBreakdown,
    CubeFigures,
    CubeSelection,
    GetCubeBreakdown,
    GetCubeComparison,
    GetCubeFunnel,
    GetCubeTrend,
    ListCubeRuns,
)
from grace.contracts.verification import ActionClosed
from grace.kit import Invalid, Runtime
from grace.observability import handlers
from grace.observability.loops import Forget
from grace.observability.settings import Settings
from grace.testkit import House, eventually

NOW = datetime.now(UTC)
NOON = NOW.replace(hour=12, minute=30, second=0, microsecond=0) - timedelta(days=2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFTEN = {"cube_interval": timedelta(milliseconds=50)}


def captured(name: str, **other: Any) -> ErrorCaptured:
    facts = {
        "mission_id": f"mission-{name}", "tenant_id": "default", "signal_id": f"signal-{name}",
        "fingerprint": "f" * 64, "source": "pg-watch", "kind": "thing.broken", "target": "shop-db",
        "message": "it is broken", "severity": "error", "requested_by": "pg-watch",
        "detected_at": NOON, "captured_at": NOON,
    }  # fmt: skip
    return ErrorCaptured(**(facts | other))


def closed(name: str, verdict: str = "verified", **other: Any) -> ActionClosed:
    facts = {
        "mission_id": f"mission-{name}", "tenant_id": "default", "contract_id": f"contract-{name}",
        "revision": 1, "playbook": "mend-it", "playbook_version": 1, "operation": "thing.mend",
        "target": "shop-db", "verdict": verdict, "confidence": 1.0 if verdict == "verified" else 0.0,
        "executed": verdict == "verified", "closed_at": NOON,
    }  # fmt: skip
    return ActionClosed(**(facts | other))


def asked(name: str, tenant: str = "default") -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=f"approval-{name}", mission_id=f"mission-{name}", tenant_id=tenant, tier=2,
        quorum=1, requested_by="pg-watch", shown_hash="0" * 64, expires_at=NOW + DAY,
    )  # fmt: skip


def granted(name: str, *people: str, tenant: str = "default") -> ApprovalGranted:
    return ApprovalGranted(
        approval_id=f"approval-{name}", mission_id=f"mission-{name}", tenant_id=tenant,
        plan_hash="0" * 64, decided_by=people, granted_at=NOW,
    )  # fmt: skip


def rejected(name: str) -> ApprovalRejected:
    return ApprovalRejected(
        approval_id=f"approval-{name}", mission_id=f"mission-{name}", tenant_id="default",
        decided_by=("bob",), reason="not today",
    )  # fmt: skip


def finished(
    *tasks: tuple[str, str, int, int | None], origin: str | None = "intent"
) -> TasksFinished:
    return TasksFinished(
        tasks=tuple(
            FinishedTask(
                task_id=f"task-{number}", outcome=outcome, type=operation, attempts=attempts,
                total_ms=took, origin=origin,
            )
            for number, (operation, outcome, attempts, took) in enumerate(tasks)
        )
    )  # fmt: skip


async def tell(house: House, service: str, *messages: Message, tenant: str = "default") -> None:
    runtime = await house.act_as(service)
    async with runtime.unit() as unit:
        for message in messages:
            unit.publish(message, tenant=tenant)


@asynccontextmanager
async def loaded(house: House, **steps: int) -> AsyncIterator[Runtime]:
    """Who asks, once so many events of each step were loaded and every hour is counted."""
    async with house.running("observability", observability=OFTEN):
        gateway = await house.act_as("gateway")

        async def is_loaded() -> bool:
            query = "SELECT step, sum(read) AS read FROM etl_runs WHERE step <> 'hours' GROUP BY 1"
            found = {row["step"]: row["read"] for row in await house.rows("observability", query)}
            due = await house.rows("observability", "SELECT FROM cube_due")
            return found == steps and not due

        await eventually(is_loaded, timeout=15)
        yield gateway


def select(fact: str = "action", **other: Any) -> CubeSelection:
    times = {"from_time": NOON - DAY, "to_time": NOW + HOUR}
    return CubeSelection(**({"tenant_id": "default", "fact": fact} | times | other))


async def breakdown(
    gateway: Runtime, dimension: str, fact: str = "action", **other: Any
) -> CubeBreakdown:
    return await gateway.call(
        GetCubeBreakdown(selection=select(fact, **other), dimension=dimension, limit=100)
    )


def plain(figures: CubeFigures) -> tuple[int, int, float | None]:
    mean = None if figures.mean is None else round(figures.mean, 3)
    return figures.count, figures.succeeded, mean


def members(found: CubeBreakdown) -> dict[str | None, tuple[int, int, float | None]]:
    return {each.name: plain(each.figures) for each in found.shares}


async def test_actions_are_counted_by_their_highest_revision(house: House) -> None:
    await tell(house, "intent", captured("a"), captured("b", source="alertmanager", target="toys"))
    await tell(
        house,
        "verification",
        closed("a", "failed"),
        closed("a", revision=2, confidence=0.5, closed_at=NOON + HOUR),
        closed("b", "rolled_back", executed=True, playbook="other", target="toys"),
        closed("c", operation="thing.turn", closed_at=NOON - HOUR),
        closed("a", "blocked"),
    )
    async with loaded(house, mission=2, action=5) as gateway:
        by_origin = await breakdown(gateway, "origin")
        assert members(by_origin) == {
            "pg-watch": (1, 1, 0.5), "alertmanager": (1, 0, 0.0), None: (1, 1, 1.0),
        }  # fmt: skip
        assert plain(by_origin.whole) == (3, 2, 0.5)
        assert by_origin.whole.success_rate == pytest.approx(2 / 3)
        assert [each.share for each in by_origin.shares] == pytest.approx([1 / 3] * 3)
        assert members(await breakdown(gateway, "service")) == {
            "shop-db": (2, 2, 0.75), "toys": (1, 0, 0.0),
        }  # fmt: skip
        assert members(await breakdown(gateway, "playbook", service="toys")) == {
            "other": (1, 0, 0.0)
        }
        assert members(await breakdown(gateway, "operation")) == {
            "thing.mend": (2, 1, 0.25), "thing.turn": (1, 1, 1.0),
        }  # fmt: skip
        assert members(await breakdown(gateway, "outcome")) == {
            "verified": (2, 2, 0.75), "rolled_back": (1, 0, 0.0),
        }  # fmt: skip
        assert members(await breakdown(gateway, "time")) == {
            "11": (1, 1, 1.0), "12": (1, 0, 0.0), "13": (1, 1, 0.5),
        }  # fmt: skip
        assert members(await breakdown(gateway, "time", tenant_id="other")) == {}


async def test_a_trend_has_every_bucket(house: House) -> None:
    await tell(house, "verification", closed("a"), closed("b", closed_at=NOON + 2 * HOUR))
    async with loaded(house, action=2) as gateway:
        times = {"from_time": NOON, "to_time": NOON + 3 * HOUR}
        hours = await gateway.call(GetCubeTrend(selection=select(**times), bucket="hour"))
        start = NOON.replace(minute=0)
        assert [each.at for each in hours.points] == [start + n * HOUR for n in range(4)]
        assert [each.figures.count for each in hours.points] == [1, 0, 1, 0]
        assert [each.figures.success_rate for each in hours.points] == [1.0, None, 1.0, None]
        assert hours.loaded_at is not None
        days = await gateway.call(GetCubeTrend(selection=select(), bucket="day"))
        midnight = NOON.replace(hour=0, minute=0)
        assert [each.at for each in days.points][:2] == [midnight - DAY, midnight]
        assert [each.figures.count for each in days.points][:3] == [0, 2, 0]
        assert sum(each.figures.count for each in days.points) == 2


async def test_a_comparison_holds_a_time_against_the_one_before(house: House) -> None:
    before = [closed(f"before-{n}", closed_at=NOON - HOUR) for n in range(4)]
    now = [closed("now"), closed("new", "failed", playbook="new")]
    await tell(house, "verification", *before, *now)
    async with loaded(house, action=6) as gateway:
        selection = select(from_time=NOON, to_time=NOON + timedelta(minutes=20))
        found = await gateway.call(
            GetCubeComparison(selection=selection, dimension="playbook", limit=10)
        )
        assert (plain(found.before), plain(found.now)) == ((4, 4, 1.0), (2, 1, 0.5))
        assert [(each.name, each.before.count, each.now.count) for each in found.changes] == [
            ("mend-it", 4, 1), ("new", 0, 1),
        ]  # fmt: skip


async def test_approvals_are_counted_when_they_are_decided(house: House) -> None:
    await tell(house, "intent", captured("a"), captured("b"), captured("c"))
    # The decision is told before the question, as it may be.
    await tell(house, "governance", granted("a", "bob"), asked("b"), asked("a"), granted("c"))
    await tell(house, "verification", closed("a"), closed("c", "failed", executed=True))
    async with loaded(house, mission=3, approval=4, action=2) as gateway:
        assert members(await breakdown(gateway, "outcome", "approval")).keys() == {
            "granted", "unattended",
        }  # fmt: skip
        by_playbook = members(await breakdown(gateway, "playbook", "approval"))
        assert {name: figures[:2] for name, figures in by_playbook.items()} == {"mend-it": (2, 2)}
        funnel = await gateway.call(GetCubeFunnel(selection=select()))
        assert [(each.name, each.missions) for each in funnel.steps] == [
            ("captured", 3), ("decided", 2), ("granted", 2), ("acted", 2), ("executed", 2),
            ("verified", 1),
        ]  # fmt: skip
        assert [each.of_captured for each in funnel.steps] == pytest.approx(
            [1, *[2 / 3] * 4, 1 / 3]
        )
        none = await gateway.call(GetCubeFunnel(selection=select(service="nobody")))
        assert {(each.missions, each.of_captured) for each in none.steps} == {(0, None)}
    await tell(house, "governance", rejected("b"))
    async with loaded(house, mission=3, approval=5, action=2) as gateway:
        outcomes = members(await breakdown(gateway, "outcome", "approval"))
        assert {name: figures[:2] for name, figures in outcomes.items()} == {
            "granted": (1, 1), "unattended": (1, 1), "rejected": (1, 0),
        }  # fmt: skip


async def test_tasks_are_added_up_once_whoever_loads_them(house: House) -> None:
    first = finished(
        ("a.b", "succeeded", 1, 100), ("a.b", "succeeded", 2, 300), ("a.b", "failed", 3, None)
    )
    older = finished(("c.d", "succeeded", 1, None), origin=None)
    await tell(house, "htm", first, older)
    await tell(house, "htm", finished(("a.b", "succeeded", 1, 50)), tenant="other")
    async with (
        loaded(house, task=3) as gateway,
        house.running("observability", observability=OFTEN),
    ):
        assert members(await breakdown(gateway, "operation", "task")) == {
            "a.b": (3, 2, 200.0), "c.d": (1, 1, None),
        }  # fmt: skip
        assert members(await breakdown(gateway, "origin", "task")) == {
            "intent": (3, 2, 200.0), None: (1, 1, None),
        }  # fmt: skip
        theirs = await breakdown(gateway, "operation", "task", tenant_id="other")
        assert members(theirs) == {"a.b": (1, 1, 50.0)}
        # The stream is lost, and all of it is told again under the same ids, before what is new.
        told = await house.messages(TasksFinished.SUBJECT)
        await house.empty_streams()
        for each in told:
            await house.publish_raw(
                user="tester", subject=each.subject, body=each.data, headers=each.headers
            )
        await tell(house, "htm", finished(("e.f", "succeeded", 1, 10)))

        async def is_added() -> bool:
            return "e.f" in members(await breakdown(gateway, "operation", "task"))

        await eventually(is_added, timeout=15)
    rows = await house.rows("observability", "SELECT sum(tasks) AS tasks FROM fact_task")
    assert [row["tasks"] for row in rows] == [6]


async def test_replicas_that_load_at_once_count_each_fact_once(house: House) -> None:
    told = [closed(f"c-{n}", revision=2, closed_at=NOON + (n % 3) * HOUR) for n in range(300)]
    await tell(house, "verification", *told, *(closed(f"c-{n}", "failed") for n in range(300)))
    async with (
        house.running("observability", observability=OFTEN),
        loaded(house, action=600) as gateway,
    ):
        found = await breakdown(gateway, "outcome")
    # What a revision came to before is told later here, and changes nothing.
    assert members(found) == {"verified": (300, 300, 1.0)}


async def test_what_was_loaded_is_told_and_the_next_run_loads_only_what_is_new(
    house: House,
) -> None:
    await tell(house, "verification", closed("a"), closed("b"))
    async with loaded(house, action=2) as gateway:
        runs = (await gateway.call(ListCubeRuns(limit=100))).runs
        assert sum(each.read for each in runs if each.step == "action") == 2
        assert {each.step for each in runs} == {"action", "hours"}
        newest = runs[0]
        assert (newest.step, newest.oldest_at) == ("hours", None)
        assert all(each.oldest_at is not None for each in runs if each.step == "action")
    await tell(house, "verification", closed("c"))
    async with loaded(house, action=3) as gateway:
        (last,) = (await gateway.call(ListCubeRuns(limit=1))).runs
        assert last.run_id > newest.run_id
        assert plain((await breakdown(gateway, "time")).whole) == (3, 3, 1.0)


def test_it_is_loaded_every_five_minutes() -> None:
    settings = Settings()
    wakes = handlers.Wakes(watch=object, submit=object, follow=object, count=object)
    every = {route.every for route in handlers.stream(settings, wakes).routes}
    assert every == {None, settings.cube_interval}
    assert settings.cube_interval == timedelta(minutes=5)


async def test_what_is_too_old_is_dropped(house: House) -> None:
    old = NOW - timedelta(days=500)
    await tell(house, "intent", captured("old", captured_at=old))
    await tell(house, "verification", closed("old", closed_at=old), closed("new"))
    async with loaded(house, mission=1, action=2) as gateway:
        observer = await house.act_as("observability")
        assert await Forget(Settings()).tick(observer) is False
        kept = await house.rows("observability", "SELECT contract_id FROM fact_action")
        assert [row["contract_id"] for row in kept] == ["contract-new"]
        assert await house.rows("observability", "SELECT FROM cube_missions") == []
        assert plain((await breakdown(gateway, "time")).whole) == (1, 1, 1.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fact": "deed"}, "fact: one of action, task, approval"),
        ({"to_time": NOON - DAY}, "later than"),
        ({"from_time": NOW - timedelta(days=402)}, "at most 400 days"),
        ({"from_time": datetime(1999, 1, 1, tzinfo=UTC)}, "between 2000 and 2200"),
        ({"to_time": datetime(2201, 1, 1, tzinfo=UTC)}, "between 2000 and 2200"),
        ({"from_time": NOW - timedelta(days=100)}, "more than 999 points"),
    ],
)
async def test_a_question_without_an_answer_is_refused(
    house: House, wrong: dict[str, Any], said: str
) -> None:
    async with house.running("observability"):
        gateway = await house.act_as("gateway")
        with pytest.raises(Invalid, match=said):
            await gateway.call(GetCubeTrend(selection=select(**wrong), bucket="hour"))


async def test_words_that_are_not_known_are_refused(house: House) -> None:
    async with house.running("observability"):
        gateway = await house.act_as("gateway")
        asked_for: Sequence[Message] = [
            GetCubeTrend(selection=select(), bucket="minute"),
            GetCubeBreakdown(selection=select(), dimension="colour", limit=1),
            GetCubeComparison(selection=select(), dimension="fact", limit=1),
        ]
        answers = await asyncio.gather(*map(gateway.call, asked_for), return_exceptions=True)
    assert [isinstance(each, Invalid) for each in answers] == [True] * 3
