"""The report of the demonstration, as report.json keeps it."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from grace.stack.demo.throughput import Summary


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a mission; `ms` are milliseconds since the error was detected."""

    ms: int
    service: str
    subject: str
    summary: str
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Phases:
    """How the target did before, during and after, read at the target."""

    before: Summary
    during: Summary
    after: Summary

    @property
    def throughput(self) -> dict[str, float]:
        """Commits a second of each phase."""
        return {name: phase.throughput for name, phase in self._named}

    @property
    def error_rate(self) -> dict[str, float | None]:
        """The share of transactions that failed, of each phase; None where nothing was done."""
        return {name: phase.error_rate for name, phase in self._named}

    @property
    def full_seconds(self) -> dict[str, int]:
        """How many full seconds each phase is made of."""
        return {name: phase.seconds for name, phase in self._named}

    @property
    def _named(self) -> list[tuple[str, Summary]]:
        return [("before", self.before), ("during", self.during), ("after", self.after)]


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided on what, and who was not let."""

    shown_hash: str
    requested_by: str
    refused: str
    approved_by: list[str]


@dataclass(frozen=True, slots=True)
class Learned:
    """What Grace now knows about the playbook."""

    executions: int
    successes: int
    confidence: float


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """One incident, from its detection to its verdict.

    `throughput` (commits a second, the median of full seconds), `error_rate` and `setting` (the
    raw statement_timeout of the database) are as the target itself has them: before, during, after.
    """

    name: str
    mission_id: str
    playbook: str
    verdict: str
    confidence: float
    reason: str
    reports: int
    decision: Decision
    learned: Learned
    throughput: dict[str, float]
    error_rate: dict[str, float | None]
    full_seconds: dict[str, int]
    setting: dict[str, str | None]
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class CheckpointReport:
    """The log's head, whose signature was checked with the key that was pinned at the start."""

    origin: str
    size: int
    root: str
    note: str
    verifier_key: str
    verified: bool


@dataclass(frozen=True, slots=True)
class ProofReport:
    """An entry of the log, found under that head by a proof that was checked offline."""

    message_id: str
    subject: str
    index: int
    size: int
    hashes: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long it took: `make setup`, the start of servers and services, and the demonstration."""

    setup: float
    start: float
    demo: float = 0.0


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Resident memory in MiB; `total` is Grace's, without the target."""

    measure: str
    grace: float
    nats: float
    postgres: float
    total: float
    target: float


@dataclass(slots=True)
class Report:
    """What happened so far. `reason` says why it did not go as it should, and is None where it did."""

    seconds: Seconds
    ok: bool = False
    reason: str | None = None
    incidents: list[IncidentReport] = field(default_factory=list)
    checkpoint: CheckpointReport | None = None
    proof: ProofReport | None = None
    memory: MemoryReport | None = None


def write(file: Path, report: Report) -> None:
    """Write the report at once and whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(asdict(report), indent=2, ensure_ascii=False), encoding="utf-8")
    draft.replace(file)
