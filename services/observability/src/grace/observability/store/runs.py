"""Stress runs and their samples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from grace.kit import Record, Transaction
from grace.observability.domain.alert import Failures, Kind
from grace.observability.domain.run import Ending, Figures, RunKey, Sample, State, Subject
from grace.observability.domain.trend import Finished
from grace.observability.store.statements import QUERIES

# What one answer may hold: a message takes a megabyte.
_MOST_CURRENT = 200
_MOST_SUITES = 20
_MOST_FAILURES = 100


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """A run as people see it."""

    subject: Subject
    status: State
    started_at: datetime
    heard_at: datetime
    ended_at: datetime | None
    figures: Figures
    samples: int
    failure_kind: str | None
    message: str | None


class Runs:
    """Runs, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def start(self, begun: Sequence[tuple[Subject, datetime]]) -> set[RunKey]:
        """Note that runs have begun, each named once; return those that it was news about."""
        rows = await self._tx.fetch(
            QUERIES["start_runs"],
            **_subjects(subject for subject, _ in begun),
            started_at=[at for _, at in begun],
        )
        return _keys(rows)

    async def show(self, newest: Sequence[Sample]) -> set[RunKey]:
        """Show runs as their newest samples do, each named once; return those it was news about."""
        rows = await self._tx.fetch(
            QUERIES["sample_runs"],
            **_subjects(each.subject for each in newest),
            sequences=[each.sequence for each in newest],
            at=[each.at for each in newest],
            **_figures([each.figures for each in newest]),
        )
        return _keys(rows)

    async def keep_samples(self, samples: Sequence[Sample]) -> int:
        """Keep samples of known runs; tell how many were new."""
        return await self._tx.execute(
            QUERIES["add_samples"],
            tenants=[each.subject.key.tenant for each in samples],
            run_ids=[each.subject.key.run_id for each in samples],
            sequences=[each.sequence for each in samples],
            at=[each.at for each in samples],
            **_figures([each.figures for each in samples]),
        )

    async def end(self, endings: Sequence[Ending]) -> set[RunKey]:
        """End runs, each named once; return those that had not ended."""
        rows = await self._tx.fetch(
            QUERIES["end_runs"],
            **_subjects(each.subject for each in endings),
            statuses=[each.status for each in endings],
            started_at=[each.started_at for each in endings],
            ended_at=[each.ended_at for each in endings],
            **_figures([each.figures for each in endings]),
            failure_kinds=[each.failure_kind for each in endings],
            messages=[each.message for each in endings],
        )
        return _keys(rows)

    async def subjects(self, keys: Iterable[RunKey]) -> Mapping[RunKey, Subject]:
        """Return what these runs are about, as it was said first."""
        named = sorted(set(keys))
        rows = await self._tx.fetch(
            QUERIES["find_subjects"],
            tenants=[key.tenant for key in named],
            run_ids=[key.run_id for key in named],
        )
        return {found.key: found for found in map(_subject, rows)}

    async def lose(self, silence: timedelta) -> int:
        """Give up runs that were not heard of for so long; tell how many."""
        return len(await self._tx.fetch(QUERIES["lose_runs"], silence=silence))

    async def current(self, tenant: str, suite: str | None) -> list[CurrentRun]:
        """Return what goes on, and the last finished run of each suite."""
        rows = await self._tx.fetch(
            QUERIES["current_runs"], tenant=tenant, suite=suite, most=_MOST_CURRENT
        )
        return [_current(row) for row in rows]

    async def finished(
        self, tenant: str, suite: str | None, runs: int
    ) -> Mapping[str, list[Finished]]:
        """Return the last finished runs by suite, the oldest first."""
        rows = await self._tx.fetch(
            QUERIES["finished_runs"], tenant=tenant, suite=suite, suites=_MOST_SUITES, runs=runs
        )
        found: dict[str, list[Finished]] = {}
        for row in rows:
            run = Finished(row["run_id"], State(row["status"]), row["ended_at"], _figures_of(row))
            found.setdefault(row["suite"], []).append(run)
        return found

    async def failures(self, recent: timedelta) -> list[Failures]:
        """Return how often each suite failed in a row, where that may raise or resolve an alert."""
        rows = await self._tx.fetch(
            QUERIES["last_failures"], recent=recent, kind=Kind.STRESS_FAILURE, runs=_MOST_FAILURES
        )
        return [
            Failures(row["tenant_id"], row["suite"], row["in_a_row"], row["message"][:500])
            for row in rows
            if row["message"] is not None
        ]

    async def prune_samples(self, retention: timedelta, *, most: int) -> int:
        """Drop at most so many samples that are long over; tell how many."""
        return await self._tx.execute(QUERIES["prune_samples"], retention=retention, most=most)

    async def prune(self, retention: timedelta) -> None:
        """Drop runs that are long over."""
        await self._tx.execute(QUERIES["prune_runs"], retention=retention)


def _subjects(subjects: Iterable[Subject]) -> dict[str, Any]:
    named = list(subjects)
    return {
        "tenants": [each.key.tenant for each in named],
        "run_ids": [each.key.run_id for each in named],
        "suites": [each.suite for each in named],
        "targets": [each.target for each in named],
    }


def _figures(figures: Sequence[Figures]) -> dict[str, Any]:
    return {
        "requests": [each.requests for each in figures],
        "errors": [each.errors for each in figures],
        "p50_ms": [each.p50_ms for each in figures],
        "p99_ms": [each.p99_ms for each in figures],
        "mean_ms": [each.mean_ms for each in figures],
    }


def _keys(rows: Iterable[Record]) -> set[RunKey]:
    return {RunKey(row["tenant_id"], row["run_id"]) for row in rows}


def _subject(row: Record) -> Subject:
    return Subject(RunKey(row["tenant_id"], row["run_id"]), row["suite"], row["target"])


def _figures_of(row: Record) -> Figures:
    return Figures(row["requests"], row["errors"], row["p50_ms"], row["p99_ms"], row["mean_ms"])


def _current(row: Record) -> CurrentRun:
    return CurrentRun(
        subject=_subject(row),
        status=State(row["status"]),
        started_at=row["started_at"],
        heard_at=row["heard_at"],
        ended_at=row["ended_at"],
        figures=_figures_of(row),
        samples=row["samples"],
        failure_kind=row["failure_kind"],
        message=row["message"],
    )
