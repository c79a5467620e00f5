"""The report says what happened, and the exit code follows from it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from grace.stack.demo import report
from grace.stack.demo.plots import BLOCKED_SESSIONS, RUNAWAY_QUERIES, Plot
from grace.stack.demo.report import (
    Decision,
    IncidentReport,
    Learned,
    Phases,
    Report,
    Seconds,
    Step,
)
from grace.stack.demo.show import Show
from grace.stack.demo.story import wrong
from grace.stack.demo.throughput import Second, Summary, Throughput

PHASES = Phases(Summary(5, 300.0, 0.0), Summary(2, 0.0, None), Summary(3, 298.0, 0.01))
STEP = Step(144, "intent", "error.captured", "4 sessions wait", "01a1f90c-f6b8")


def incident(**changes: Any) -> IncidentReport:
    told = {
        "name": "blocked-sessions",
        "mission_id": "mission-1",
        "playbook": "postgres-blocked-sessions",
        "verdict": "verified",
        "confidence": 1.0,
        "reason": "all of it holds",
        "reports": 6,
        "decision": Decision("9f86", "admin", "403 somebody else has to", ["bob"]),
        "learned": Learned(1, 1, 0.667),
        "throughput": PHASES.throughput,
        "error_rate": PHASES.error_rate,
        "full_seconds": PHASES.full_seconds,
        "setting": {"before": " 15s ", "during": " 15s ", "after": " 15s "},
        "steps": [STEP],
    }
    return IncidentReport(**(told | changes))


def test_the_report_holds_what_the_demonstration_promises(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    report.write(file, Report(Seconds(3.2, 2.5, 40.8), ok=True, incidents=[incident()]))
    written = json.loads(file.read_text(encoding="utf-8"))
    assert set(written) == {
        "seconds", "ok", "reason", "incidents", "checkpoint", "proof", "memory",
    }  # fmt: skip
    (told,) = written["incidents"]
    assert {"name", "mission_id", "verdict", "confidence", "steps", "throughput"} <= set(told)
    assert told["throughput"] == {"before": 300.0, "during": 0.0, "after": 298.0}
    assert told["error_rate"] == {"before": 0.0, "during": None, "after": 0.01}
    assert told["steps"] == [
        {
            "ms": 144,
            "service": "intent",
            "subject": "error.captured",
            "summary": "4 sessions wait",
            "event_id": "01a1f90c-f6b8",
        }
    ]
    assert written["seconds"] == {"setup": 3.2, "start": 2.5, "demo": 40.8}
    assert list(tmp_path.iterdir()) == [file]


def test_an_incident_that_ended_as_it_should_has_nothing_wrong() -> None:
    assert wrong(BLOCKED_SESSIONS, incident()) is None


@pytest.mark.parametrize(
    ("plot", "changes", "word"),
    [
        (BLOCKED_SESSIONS, {"verdict": "failed"}, "ended as failed, not verified"),
        (RUNAWAY_QUERIES, {"verdict": "verified"}, "ended as verified, not rolled_back"),
        (BLOCKED_SESSIONS, {"throughput": PHASES.throughput | {"after": 20.0}}, "throughput"),
        (BLOCKED_SESSIONS, {"error_rate": PHASES.error_rate | {"after": 0.5}}, "error rate"),
        (
            RUNAWAY_QUERIES,
            {
                "verdict": "rolled_back",
                "setting": {"before": " 15s ", "during": "5ms", "after": "15s"},
            },
            "statement_timeout is not what it was",
        ),
    ],
)
def test_what_is_wrong_is_named(plot: Plot, changes: dict[str, Any], word: str) -> None:
    problem = wrong(plot, incident(**changes))
    assert problem is not None
    assert word in problem


def printed(step: Step, *, width: int, terminal: bool) -> str:
    out = io.StringIO()
    read = Throughput()
    read.seconds += [Second(at, at + 1, commits, 0) for at, commits in enumerate((300, 300, 0))]
    show = Show(Console(file=out, width=width, force_terminal=terminal, color_system=None), read)
    show.scale(300)
    show.step(step)
    return out.getvalue()


def test_a_step_tells_when_who_what_and_how_the_target_does() -> None:
    line = printed(STEP, width=200, terminal=False)
    for word in ("+144 ms", "intent", "error.captured", "██▁", "0/s", "4 sessions wait"):
        assert word in line


def test_a_narrow_terminal_shows_everything_but_the_summary() -> None:
    line = printed(STEP, width=80, terminal=True)
    assert line.count("\n") == 1
    for word in ("+144 ms", "intent", "error.captured", "██▁", "0/s"):
        assert word in line


def test_a_file_keeps_the_whole_summary() -> None:
    long = Step(1, "intent", "error.captured", "word " * 100, None)
    assert printed(long, width=80, terminal=False).count("word") == 100


def test_a_summary_is_no_markup() -> None:
    odd = Step(1, "intent", "error.captured", "[bold]not bold[/] [/]", None)
    assert "[bold]not bold[/] [/]" in printed(odd, width=200, terminal=False)
