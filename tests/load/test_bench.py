"""The bench itself: what it writes, and that nothing which does not work gets a figure."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from forked import ForkedChild
from load.apart import Apart, Grounds
from load.bench import RESULTS, run
from load.figures import GOALS, BenchError, figure, graded
from load.mix import MIX, there
from load.rest import NO_LIMITS, Door, accept, door_of, users
from load.sizes import TINY
from rich.console import Console

from grace.stack.ports import free_port, is_free
from grace.stack.processes import Child
from grace.testkit import House, eventually
from grace.testkit.house import TESTER

_STATISTICS = {"name", "unit", "n", "mean", "p50", "p90", "p99", "min", "max"}
_MACHINE = {"system", "processor", "cores", "memory_mib", "load_before"}
_QUEUE = {f"tasks.{kind}.{of}" for kind in ("batch", "single") for of in ("raw", "htm", "ratio")}
_QUEUE.add("tasks.paced.latency")


@asynccontextmanager
async def grounds(
    house: House, folder: Path, child: type[Child] = ForkedChild
) -> AsyncIterator[Grounds]:
    """The servers of this session, a fresh database."""
    yield Grounds(house.installation, house.database, TESTER, folder, child)


@pytest.mark.timeout(60)
async def test_a_run_tells_every_figure_with_its_spread_and_on_what_it_was_measured(
    house: House, tmp_path: Path
) -> None:
    said = io.StringIO()
    code = await run(
        TINY, ("tasks",), tmp_path, Console(file=said, width=140), grounds=grounds(house, tmp_path)
    )
    found = json.loads((tmp_path / RESULTS).read_text(encoding="utf-8"))
    assert (code, found["ok"], found["reason"]) == (0, True, ""), said.getvalue()
    assert found["machine"].keys() == _MACHINE
    assert found["servers"].keys() >= {"postgres", "fsync", "nats_sync_interval"}
    assert found["versions"].keys() >= {"python", "nats-server", "asyncpg"}
    figures = {each["name"]: each for each in found["figures"]}
    assert figures.keys() == _QUEUE
    for each in figures.values():
        assert each.keys() == _STATISTICS
        assert each["n"] > 0
        assert each["min"] <= each["p50"] <= each["p90"] <= each["p99"] <= each["max"]
        assert each["name"] in said.getvalue()


@pytest.mark.timeout(60)
async def test_users_are_answered_and_held_against_the_goals(house: House, tmp_path: Path) -> None:
    port = free_port()
    services = ("identity", "gateway", "governance", "intent", "learning", "verification")
    async with (
        house.running(*services, gateway={**NO_LIMITS, "port": port}),
        grounds(house, tmp_path) as at,
        Apart(at) as apart,
    ):
        door = door_of(apart, port)
        await eventually(lambda: not is_free(port))
        accepted, how = await accept(apart, door, TINY)
        seen, asked = await users(apart, door, TINY)
        figures = {each.name: each for each in (*accepted, *seen)}
        assert figures["accept.latency"].n > 0
        assert how["operation"].startswith("POST ")
        assert figures["users.error_rate"].max == 0
        assert sum(asked["statuses"].values()) == figures["users.latency"].n
        assert [row["row"] for row in graded(figures)] == [goal.row for goal in GOALS]

        with pytest.raises(BenchError, match="requests failed"):
            await accept(apart, Door(port, "grace_" + "x" * 43), TINY)


@pytest.mark.timeout(60)
async def test_a_service_that_dies_gives_no_figure(house: House, tmp_path: Path) -> None:
    async def kill(apart: Apart) -> None:
        number = apart.pid("htm")
        os.kill(number, signal.SIGKILL)
        await eventually(lambda: not psutil.pid_exists(number))

    (tmp_path / RESULTS).write_text("what an earlier run measured", encoding="utf-8")
    said = io.StringIO()
    code = await run(
        TINY, ("services",), tmp_path, Console(file=said, width=140),
        grounds=grounds(house, tmp_path), on_apart=kill,
    )  # fmt: skip
    found = json.loads((tmp_path / RESULTS).read_text(encoding="utf-8"))
    assert (code, found["ok"], found["figures"], found["goals"]) == (1, False, [], [])
    assert "htm has ended" in found["reason"]
    assert "htm has ended" in said.getvalue()


async def test_what_is_measured_ends_with_the_first_process_that_dies(
    house: House, tmp_path: Path
) -> None:
    async with grounds(house, tmp_path, Child) as at, Apart(at) as apart:
        await apart.program("short", "load.sizes")  # a program that ends at once
        with pytest.raises(BenchError, match="short has ended"):
            await apart.while_alive(asyncio.Event().wait(), within=30)


def test_percentiles_are_values_that_occurred() -> None:
    found = figure("x", "ms", [float(value) for value in range(200, 0, -1)])
    assert (found.n, found.mean, found.min, found.max) == (200, 100.5, 1, 200)
    assert (found.p50, found.p90, found.p99) == (100, 180, 198)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_nothing_and_what_is_no_number_is_no_figure(values: list[float]) -> None:
    with pytest.raises(BenchError):
        figure("x", "ms", values)


@pytest.mark.parametrize(
    ("value", "grade"),
    [(199, "target"), (200, "acceptable"), (499, "acceptable"), (500, "poor"), (1001, "critical")],
)
def test_a_goal_says_where_a_value_lies(value: float, grade: str) -> None:
    assert GOALS[0].grade(value) == grade


def test_where_more_is_better_the_grades_turn_round() -> None:
    throughput = next(goal for goal in GOALS if goal.row == "R4-60")
    grades = [throughput.grade(value) for value in (101, 100, 50, 20, 19)]
    assert grades == ["target", "acceptable", "poor", "poor", "critical"]


def test_a_route_that_is_not_there_is_not_asked_for() -> None:
    paths: dict[str, object] = {"/api/keys": {"get": {}}, "/api/missions": {"get": {}}}
    assert [each.name for each in there({"paths": paths}, MIX)] == [
        "GET /api/missions", "GET /api/keys",
    ]  # fmt: skip
