"""Everything that the checker judges by, read once at the end: from the database and from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from torture.books import Books
from torture.limits import Samples
from torture.oracle import Oracle

Fence = tuple[UUID, int]

_TASKS = """
    SELECT t.id, k.key, t.status, t.attempt_number, t.kernel, md5(t::text) AS print,
           t.created_at, t.queued_at, t.assigned_at, t.started_at, t.finished_at
      FROM htm.htm_tasks t LEFT JOIN htm.htm_task_keys k ON k.task_id = t.id
"""
_ATTEMPTS = """
    SELECT task_id, attempt_number, worker_id, outcome, assigned_at, started_at, finished_at
      FROM htm.htm_task_attempts
"""
_MOVES = "SELECT task_id, old, new, print FROM torture.moves ORDER BY id"
_REPORTS = """
    SELECT task_id, attempt_number, worker_id, status, min(made_at) AS made_at
      FROM torture.reports GROUP BY 1, 2, 3, 4
"""
_EFFECTS = "SELECT task_id, attempt_number, granted FROM torture.effects"
# By the id that the sender gave: what is unsigned is known under another one.
_QUARANTINE = """
    SELECT headers->>'Nats-Msg-Id' AS message_id, count(*) AS kept FROM htm.quarantine GROUP BY 1
"""

_UNSENT = "SELECT FROM htm.outbox WHERE sent_at IS NULL"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run as it is found at its end. The rows are as the database has them."""

    books: Books
    tasks: Mapping[UUID, Mapping[str, Any]]
    attempts: Mapping[Fence, Mapping[str, Any]]
    moves: Sequence[Mapping[str, Any]]
    # When workers were first about to report: whose attempt, and which status.
    reports: Mapping[tuple[UUID, int, str, str], datetime]
    effects: Sequence[Mapping[str, Any]]
    quarantine: Mapping[str, int]
    unsent: int
    began_at: datetime
    ended_at: datetime
    # What was held against its limits, at many instants.
    samples: Samples
    # Seconds from the last fault until all was done; None when it never was.
    drained_after: float | None


async def gather(
    oracle: Oracle, books: Books, *,
    began_at: datetime, drained_after: float | None, samples: Samples,
) -> Evidence:  # fmt: skip
    """Read it all, in the database's own words."""
    tasks, attempts, moves, reports, effects, quarantine, outbox = await oracle.snapshot(
        _TASKS, _ATTEMPTS, _MOVES, _REPORTS, _EFFECTS, _QUARANTINE, _UNSENT
    )
    return Evidence(
        books=books,
        tasks={row["id"]: row for row in tasks},
        attempts={(row["task_id"], row["attempt_number"]): row for row in attempts},
        moves=moves,
        reports={
            (r["task_id"], r["attempt_number"], r["worker_id"], r["status"]): r["made_at"]
            for r in reports
        },
        effects=effects,
        quarantine={row["message_id"]: row["kept"] for row in quarantine},
        unsent=len(outbox),
        began_at=began_at,
        ended_at=await now(oracle),
        samples=samples,
        drained_after=drained_after,
    )


async def now(oracle: Oracle) -> datetime:
    """The database's clock."""
    found: datetime = (await oracle.rows("SELECT clock_timestamp()"))[0][0]
    return found
