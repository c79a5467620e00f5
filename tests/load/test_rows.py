"""`make bench-htm`: its rows and bars, and that it tells the truth of a run and of one that fails."""

from __future__ import annotations

import io
import json
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from forked import ForkedChild
from load import against
from load.against import RESULTS, Size
from load.apart import Grounds, own_grounds
from load.claims import Depth
from load.figures import BenchError
from load.rows import GRACE, MEASURED, RAW, Rates, Run, bars_of, row_of
from load.systems import Grace
from rich.console import Console

from grace.testkit import House
from grace.testkit.house import TESTER

_TINY = Size("tiny", 1, 40, 3, Depth(50, 100, 3))


def runs(*rates: float, latency: float = 5.0) -> list[Run]:
    return [Run(Rates(rate, rate * 2), [latency] * 10, 100.0, 1.0) for rate in rates]


def test_a_row_has_the_median_of_its_runs_with_lowest_and_highest() -> None:
    row = row_of(GRACE, "batch", runs(300, 100, 200))
    assert (row["tasks_per_s"], row["tasks_per_s_min"], row["tasks_per_s_max"]) == (200, 100, 300)
    assert row.keys() == {
        "system", "mode", "runs", *(n + s for n in MEASURED for s in ("", "_min", "_max")),
    }  # fmt: skip


def test_a_mode_without_a_run_has_no_row() -> None:
    with pytest.raises(BenchError):
        row_of(GRACE, "batch", [])


@pytest.mark.parametrize(("raw", "met"), [(1000, True), (1112, False)])
def test_a_bar_is_met_from_its_value_on(raw: float, met: bool) -> None:
    rows = [row_of(GRACE, "batch", runs(500)), row_of(RAW, "batch", runs(raw))]
    bar = next(each for each in bars_of(rows) if each.bar.endswith(RAW))
    assert (bar.met, bar.wanted) == (met, ">= 0.45")


def test_a_latency_that_is_no_lower_does_not_meet_its_bar() -> None:
    rows = [row_of(GRACE, "single", runs(1)), row_of("dbos", "single", runs(1))]
    assert [b.met for b in bars_of(rows) if b.bar.endswith("grace / dbos")] == [None, False, False]


def test_what_was_not_measured_meets_nothing() -> None:
    assert {bar.met for bar in bars_of([])} == {None}


@pytest.mark.timeout(120)
async def test_a_run_measures_grace_beside_raw_postgres(tmp_path: Path) -> None:
    # With the settings that a run has; only its programs are forked.
    servers = own_grounds(tmp_path / "htm" / "apart", ForkedChild)
    said, found = await measured(tmp_path, servers=servers)
    assert (found["ok"], found["reason"]) == (True, ""), said
    assert [(r["system"], r["mode"]) for r in found["rows"]] == [
        (GRACE, "batch"), (GRACE, "limits-on"), (GRACE, "single"), (RAW, "batch"), (RAW, "single"),
    ]  # fmt: skip
    assert found["bars"] == []  # one round
    claims = found["claims"]
    assert (claims["queued"], claims["finished"], claims["claims"]) == (50, 100, 3)
    assert 0 < claims["empty_p50_ms"] <= claims["empty_p99_ms"]
    assert 0 < claims["p50_ms"] <= claims["p99_ms"]
    assert all(row["executions_per_task"] == 1 and row["p99_ms"] > 0 for row in found["rows"])
    assert found["servers"]["nats_sync_interval"] == '"always"'


@pytest.mark.timeout(120)
async def test_tasks_that_nobody_executed_give_no_row(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("load.systems.WORKERS", 0)
    monkeypatch.setattr("load.tasks._LONGEST_SECONDS", 1.0)
    grounds = Grounds(house.installation, house.database, TESTER, tmp_path, ForkedChild)
    said, found = await measured(tmp_path, Grace.name, servers=nullcontext(grounds))
    assert (found["ok"], found["rows"], found["bars"]) == (False, [], [])
    assert "not done within" in said


async def measured(
    folder: Path, *names: str, servers: AbstractAsyncContextManager[Grounds] | None = None
) -> tuple[str, dict[str, Any]]:
    said = io.StringIO()
    console = Console(file=said, width=140)
    await against.run(_TINY, names or (GRACE, RAW), folder, console, servers)
    return said.getvalue(), json.loads((folder / RESULTS).read_text(encoding="utf-8"))
