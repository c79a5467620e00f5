"""The demonstration as a person runs it: every service, real servers, a real target, REST and NATS."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grace.testkit import server_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postgres's account can pass; pytest's own is private."""
    with server_folder() as made:
        yield made


async def run(folder: Path) -> tuple[int, dict[str, Any], str]:
    """The exit code, the report and what was printed, of the command as a person runs it."""
    program = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("grace"),
        "demo",
        "--data-dir",
        folder,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await program.communicate()
    text = printed.decode()
    file = folder / "demo" / "report.json"
    assert file.is_file(), text
    return program.returncode or 0, json.loads(file.read_text(encoding="utf-8")), text


@pytest.mark.timeout(240)
async def test_one_incident_is_healed_and_the_other_taken_back(folder: Path) -> None:
    code, report, printed = await run(folder)
    assert code == 0, printed

    healed, taken_back = report["incidents"]
    assert (healed["verdict"], healed["confidence"]) == ("verified", 1.0)
    assert healed["throughput"]["during"] < 0.1 * healed["throughput"]["before"]
    assert taken_back["verdict"] == "rolled_back"
    assert taken_back["setting"] == {"before": " 15s ", "during": "5ms", "after": " 15s "}
    assert taken_back["error_rate"]["during"] > 0.5 > taken_back["error_rate"]["after"]

    # The second fault may end before it is seen twice: that depends on how fast Grace acts.
    assert healed["reports"] > 1  # and one mission all the same
    for incident in report["incidents"]:
        assert incident["decision"]["requested_by"] == "admin"
        assert incident["decision"]["refused"].startswith("403 ")
        assert incident["decision"]["approved_by"] == ["bob"]
        assert incident["reports"] >= 1
        subjects = [step["subject"] for step in incident["steps"]]
        assert subjects[0] == "error.detected"
        assert subjects[-1] == "verification.mission.closed"
        assert [s["ms"] for s in incident["steps"]] == sorted(s["ms"] for s in incident["steps"])

    assert report["checkpoint"]["verified"]
    assert report["proof"]["verified"]
    assert report["proof"]["subject"] == "verification.action.closed"
    assert 0 < report["memory"]["total"] < 400
    assert "verification.action.closed" in printed
