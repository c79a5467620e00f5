"""The cube on real servers: figures are those of a history that was counted by hand."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.htm import TasksFinished
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
from grace.kit import Invalid, Runtime
from grace.observability import handlers
from grace.observability.loops import Forget
from grace.observability.settings import Settings
from grace.observability.store import Loading
from grace.testkit import House, eventually

from .history import (
    DAY,
    HOUR,
    NOON,
    NOW,
    asked,
    captured,
    closed,
    finished,
    granted,
    planned,
    rejected,
    tell,
)

OFTEN = {"cube_interval": timedelta(milliseconds=50)}


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


async def counts(gateway: Runtime, dimension: str, fact: str) -> dict[str | None, tuple[int, int]]:
    """Facts and successes by the members of a dimension."""
    found = members(await breakdown(gateway, dimension, fact))
    return {name: (count, succeeded) for name, (count, succeeded, _) in found.items()}


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
    await tell(house, "intent", *map(captured, "abc"), *map(planned, "abc"))
    # The decision is told before the question, as it may be.
    await tell(house, "governance", granted("a", "bob"), asked("b"), asked("a"), granted("c"))
    async with loaded(house, mission=3, plan=3, approval=4) as gateway:
        assert await counts(gateway, "outcome", "approval") == {
            "granted": (1, 1), "unattended": (1, 1),
        }  # fmt: skip
        waited = await breakdown(gateway, "service", "approval")
        assert waited.whole.mean is not None
    await tell(house, "governance", rejected("b"))
    async with loaded(house, mission=3, plan=3, approval=5) as gateway:
        assert await counts(gateway, "outcome", "approval") == {
            "granted": (1, 1), "unattended": (1, 1), "rejected": (1, 0),
        }  # fmt: skip
        # Also what never acted is its playbook's.
        assert await counts(gateway, "playbook", "approval") == {"mend-it": (3, 2)}
        assert await counts(gateway, "operation", "approval") == {"thing.mend": (3, 2)}


async def test_a_funnel_keeps_those_who_went_no_further(house: House) -> None:
    await tell(house, "intent", *map(captured, "abcde"), *map(planned, "abcd"))
    await tell(house, "governance", granted("a", "bob"), granted("b"), rejected("c"), asked("d"))
    await tell(house, "verification", closed("a"), closed("b", "failed", executed=True))
    async with loaded(house, mission=5, plan=4, approval=4, action=2) as gateway:
        steps = {
            "captured": 5,
            "decided": 3,
            "granted": 2,
            "acted": 2,
            "executed": 2,
            "verified": 1,
        }
        funnel = await gateway.call(GetCubeFunnel(selection=select()))
        assert {each.name: each.missions for each in funnel.steps} == steps
        assert [each.of_captured for each in funnel.steps] == [1, 0.6, 0.4, 0.4, 0.4, 0.2]
        mine = {"playbook": "mend-it", "operation": "thing.mend", "origin": "pg-watch"}
        theirs = await gateway.call(GetCubeFunnel(selection=select(**mine)))
        assert {each.name: each.missions for each in theirs.steps} == steps | {"captured": 4}
        none = await gateway.call(GetCubeFunnel(selection=select(service="nobody")))
        assert {(each.missions, each.of_captured) for each in none.steps} == {(0, None)}
        too_long = GetCubeFunnel(selection=select(from_time=NOW - 32 * DAY))
        with pytest.raises(Invalid, match="at most 31 days"):
            await gateway.call(too_long)


async def test_a_mission_is_verified_once_its_whole_plan_is(house: House) -> None:
    await tell(house, "intent", captured("a"), planned("a", actions=2))
    await tell(house, "governance", granted("a"))
    await tell(house, "verification", closed("a"))
    async with loaded(house, mission=1, plan=1, approval=1, action=1) as gateway:
        half = await gateway.call(GetCubeFunnel(selection=select()))
        assert [(each.name, each.missions) for each in half.steps[-2:]] == [
            ("executed", 1),
            ("verified", 0),
        ]
    await tell(house, "verification", closed("a", contract_id="contract-a2"))
    async with loaded(house, mission=1, plan=1, approval=1, action=2) as gateway:
        whole = await gateway.call(GetCubeFunnel(selection=select()))
        assert [(each.name, each.missions) for each in whole.steps[-2:]] == [
            ("executed", 1),
            ("verified", 1),
        ]


async def test_a_plan_in_the_place_of_another_moves_its_approvals(house: House) -> None:
    await tell(house, "intent", captured("a"), planned("a"))
    await tell(house, "governance", rejected("a"))
    async with loaded(house, mission=1, plan=1, approval=1) as gateway:
        assert await counts(gateway, "playbook", "approval") == {"mend-it": (1, 0)}
    await tell(house, "intent", planned("a", "other"))
    async with loaded(house, mission=1, plan=2, approval=1) as gateway:
        assert await counts(gateway, "playbook", "approval") == {"other": (1, 0)}


async def test_a_task_that_needs_attention_has_not_ended(house: House) -> None:
    await tell(house, "htm", finished(("a.b", "needs_attention", 1, None)))
    await tell(house, "htm", finished(("a.b", "cancelled", 1, 70)))
    async with loaded(house, task=2) as gateway:
        assert await counts(gateway, "outcome", "task") == {"cancelled": (1, 0)}


async def test_loads_follow_each_other(house: House) -> None:
    """Two at once could each change what the other has not seen, and leave an hour as it was."""
    waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    await tell(house, "verification", closed("a"))
    other = await house.act_as("observability")
    async with house.running("observability", observability=OFTEN):
        async with other.unit() as unit:
            await Loading(unit.tx).take_turn()
            # Whoever is loading waits, or has committed before.
            await tell(house, "verification", closed("b"))
            await eventually(lambda: house.rows("observability", waits), timeout=15)
            assert (
                await house.rows(
                    "observability", "SELECT FROM fact_action WHERE contract_id = 'contract-b'"
                )
                == []
            )
        gateway = await house.act_as("gateway")

        async def both() -> bool:
            return plain((await breakdown(gateway, "time")).whole) == (2, 2, 1.0)

        await eventually(both, timeout=15)


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
