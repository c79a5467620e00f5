"""`make bench-loop` itself, in its smallest form: every service, a real target, real verdicts."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from forked import ForkedChild
from load.apart import Grounds
from load.figures import BenchError
from load.loop import FULL, TINY, Report, _check, bars_of, run
from load.repairs import Repair
from load.tables import tables
from rich.console import Console

from grace.testkit import House
from grace.testkit.house import TESTER


async def test_every_repair_is_verified_and_a_storm_is_one_mission(
    house: House, tmp_path: Path
) -> None:
    grounds = Grounds(house.installation, house.database, TESTER, tmp_path, ForkedChild)
    assert await run(TINY, tmp_path, Console(quiet=True), nullcontext(grounds)) == 0
    told = json.loads((tmp_path / "loop.json").read_text(encoding="utf-8"))
    assert (told["ok"], told["verified"], told["errors"]) == (True, 5, 0)
    assert told["storm_missions"] == 1
    assert 0 < told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"]
    assert set(told["cpu_ms_per_repair"]) >= {"postgres", "nats", "worker", "verification"}
    assert told["bars"] == {}


async def test_a_verdict_that_the_target_contradicts_is_no_figure(tmp_path: Path) -> None:
    async with tables(tmp_path / "estate", 1, tmp_path / "targets.toml") as targets:
        (name,) = targets.names
        await _check(Repair(name, 0.0, 1.0, "failed"), targets)
        with pytest.raises(BenchError, match="its catalogue says otherwise"):
            await _check(Repair(name, 0.0, 1.0, "verified"), targets)


def test_what_was_not_measured_meets_no_bar() -> None:
    report = Report("full", FULL.targets, FULL.rate)
    assert not any(bars_of(report).values())
    report = replace(report, verified_per_s=100.0, p50_ms=150.0, p99_ms=499.9, errors=0,
                     storm_missions=2)  # fmt: skip
    assert bars_of(report) == {
        "verified_per_s": True, "p50_ms": False, "p99_ms": True, "errors": True,
        "storm_missions": False,
    }  # fmt: skip
