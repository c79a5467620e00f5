"""`grace doctor`: what is here, what is up, what is wrong, and how much memory it takes."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from rich.console import Console

from grace.stack import nats, postgres
from grace.stack.datadir import DataDir
from grace.stack.errors import StackError
from grace.stack.installation import present_services
from grace.stack.memory import Memory, memory_of

_TIMEOUT_SECONDS = 3.0
# Without the proxy of the environment, which knows another loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# All of Grace on one machine, measured as proportional set size.
GOAL_MIB = 400


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    name: str
    well: bool
    detail: str


def examine(data_dir: Path, console: Console) -> int:
    """Print every finding; 0 when all is well."""
    findings = [*_tools(), *_running(DataDir(data_dir).path)]
    for finding in findings:
        mark = "[green]ok[/green]  " if finding.well else "[red]bad[/red] "
        console.print(
            f"{mark} {finding.name:<18} {finding.detail}", highlight=False, soft_wrap=True
        )
    return 0 if all(finding.well for finding in findings) else 1


def _tools() -> list[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    services = present_services()
    return [
        Finding("python", sys.version_info >= (3, 11), version),
        _program("nats-server", nats.binary),
        _program("postgres", lambda: postgres.binary("postgres")),
        Finding("services", bool(services), ", ".join(services)),
    ]


def _program(name: str, find: Callable[[], Path]) -> Finding:
    try:
        return Finding(name, well=True, detail=str(find()))
    except StackError as error:
        return Finding(name, well=False, detail=str(error))


def _running(data_dir: Path) -> list[Finding]:
    file = data_dir / "up.json"
    if not file.is_file():
        return [Finding("grace", well=True, detail=f"not up in {data_dir}")]
    try:
        return _answers(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [Finding("grace", well=False, detail=f"cannot read {file}: {error!r}")]


def _answers(state: dict[str, Any]) -> list[Finding]:
    """Its health and memory. Of one that is silent none: its numbers may be another process's by now."""
    try:
        body = _get(f"{state['ops_url']}/health/ready")
    except (OSError, HTTPException) as error:
        return [
            Finding("grace", well=False, detail=f"process {state['pid']} does not answer: {error}")
        ]
    return [*_health(state, body), *_memory(state)]


def _health(state: dict[str, Any], body: dict[str, Any]) -> list[Finding]:
    placed = Finding("postgres data", well=True, detail=state["postgres_placement"])
    found = [
        (name, [*problems, *body.get("complaints", {}).get(name, [])])
        for name, problems in body["services"].items()
    ]
    return [placed] + [
        Finding(name, not problems, "; ".join(problems) or "ready") for name, problems in found
    ]


def _get(url: str) -> dict[str, Any]:
    try:
        with _DIRECT.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            body: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as degraded:
        body = json.load(degraded)
    return body


def _memory(state: dict[str, Any]) -> list[Finding]:
    parts = {
        "grace": memory_of(state["pid"], alone=True),
        "nats-server": memory_of(state["nats_pid"]),
        "postgres": memory_of(state["postgres_pid"]),
    }
    total = sum(part.mib for part in parts.values())
    found = [
        Finding(f"memory {name}", well=part.processes > 0, detail=_mib(part))
        for name, part in parts.items()
    ]
    goal = f"{total:.0f} MiB (goal: under {GOAL_MIB} MiB)"
    return [*found, Finding("memory in all", total < GOAL_MIB, goal)]


def _mib(part: Memory) -> str:
    return f"{part.mib:.0f} MiB {part.measure}, {part.processes} processes"
