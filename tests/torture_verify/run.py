"""Cases: an operation, its edge, a death, a new life, and what is to be seen of it afterwards."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from torture_verify.cast import LEASE, Cast
from torture_verify.deeds import DEEDS, Deed, Prepared
from torture_verify.edges import EDGES, Edge, Way
from torture_verify.judge import Breach, Picture, Seen, judge

from grace.testkit import eventually

_DEATH_SECONDS = 30.0
# Once a lease is over: the rescue, the next attempt out of the receipt, and the measurement itself.
ONE_LOOK_SECONDS = 2.5
_END_SECONDS = 60.0
_CONTRACT = """
SELECT c.contract_id, c.status, c.executed, c.reason, c.closed_at,
       (SELECT count(*) FROM target_holds) AS holds,
       (SELECT count(*) FROM outbox o WHERE o.subject = 'verification.action.closed'
           AND convert_from(o.body, 'UTF8')::json ->> 'contract_id' = c.contract_id) AS told,
       (SELECT min(e.at) FROM action_events e WHERE e.contract_id = c.contract_id
           AND e.subject = 'verification.measurement.taken') AS judged_at
  FROM action_contracts c WHERE c.mission_id = $1
"""
_RECEIPTS = """
SELECT step, count(*) AS many, count(completed_at) AS done, max(completed_at) AS completed_at
  FROM effect_receipts WHERE contract_id = $1 GROUP BY step
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One operation, killed once at one edge."""

    number: int
    edge: Edge
    deed: Deed
    way: Way


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a case."""

    case: Case
    status: str
    seconds: float
    unverified_s: float
    breaches: tuple[Breach, ...]


def cases_of(
    seed: int, edges: Sequence[Edge] = EDGES, deeds: Sequence[Deed] = DEEDS, *, each: int = 0
) -> list[Case]:
    """Return every edge with every operation that can come there, in an order drawn by the seed.

    `each` takes so many operations per edge instead of all.
    """
    drawn = random.Random(seed)
    found: list[tuple[Edge, Deed, Way]] = []
    for edge in edges:
        able = [deed for deed in deeds if deed.reversible or not edge.only_when_undone]
        chosen = drawn.sample(able, each) if each else able
        found += [(edge, deed, _way(edge, deed, drawn)) for deed in chosen]
    drawn.shuffle(found)
    return [Case(number, *rest) for number, rest in enumerate(found, start=1)]


def _way(edge: Edge, deed: Deed, drawn: random.Random) -> Way:
    if not deed.reversible:
        return Way.VERIFIED
    return Way.RESTORED if edge.only_when_undone else drawn.choice(list(Way))


async def torture(
    cast: Cast, cases: Sequence[Case], tell: Callable[[Done], None] = lambda _: None
) -> list[Done]:
    """Do all cases, one after the other."""
    found = []
    for case in cases:
        began = time.monotonic()
        seen = await _one(cast, case)
        done = Done(
            case,
            seen.status,
            time.monotonic() - began,
            seen.unverified_s,
            tuple(judge(seen)),
        )
        tell(done)
        found.append(done)
    return found


async def _one(cast: Cast, case: Case) -> Seen:
    prepared = await case.deed.prepare(cast.stage, f"case{case.number}", case.way)
    try:
        before = await prepared.look()
        mission_id, whole_at, died = await _kill_once(cast, case.edge, prepared)
        row = await _end(cast, mission_id)
        return await _seen(cast, prepared, row, before, whole_at=whole_at, died=died, way=case.way)
    finally:
        if prepared.close is not None:
            await prepared.close()


async def _kill_once(cast: Cast, edge: Edge, prepared: Prepared) -> tuple[str, datetime, bool]:
    """Let it run into its death, and start again what has died."""
    for service in ("verification", "worker"):
        if service == edge.service:
            cast.hands.start(service, die_at=edge.name)
        elif not cast.hands.runs(service):
            cast.hands.start(service)
    mission_id = await cast.plan(prepared)
    await cast.grant(mission_id)
    died = await cast.hands.has_died(edge.service, within=_DEATH_SECONDS)
    cast.hands.start(edge.service)
    return mission_id, datetime.now(UTC), died


async def _end(cast: Cast, mission_id: str) -> Any:
    """Wait for the end of the contract; what has none within a minute is shown as it stands."""

    async def ended() -> Any:
        (row,) = await cast.house.rows("verification", _CONTRACT, mission_id)
        return row if row["closed_at"] or row["status"] == "needs_attention" else None

    try:
        return await eventually(ended, timeout=_END_SECONDS)
    except (AssertionError, TimeoutError):
        (row,) = await cast.house.rows("verification", _CONTRACT, mission_id)
        return row


async def _seen(
    cast: Cast, prepared: Prepared, row: Any, before: Picture, *,
    whole_at: datetime, died: bool, way: Way,
) -> Seen:  # fmt: skip
    receipts = await cast.house.rows("worker", _RECEIPTS, row["contract_id"])
    await asyncio.sleep(0)  # what the database told the sessions of the target is heard
    now = await prepared.look()
    seen = Seen(
        died=died,
        status=row["status"],
        executed=row["executed"],
        before=before,
        applied=prepared.applied(before, now),
        now=now,
        # The way says whether the promise can come true at all.
        promise_holds=way is Way.VERIFIED,
        receipts={each["step"]: (each["many"], each["done"]) for each in receipts},
        holds=row["holds"],
        told=row["told"],
        lease_s=LEASE.total_seconds() + ONE_LOOK_SECONDS,
        reason=row["reason"] or "",
    )
    applied = next((each["completed_at"] for each in receipts if each["step"] == "apply"), None)
    judged = row["judged_at"] or row["closed_at"]
    if applied is None or judged is None:
        return seen
    # Nobody can judge while the one who would is dead.
    since = max(applied, whole_at)
    return replace(seen, unverified_s=max(0.0, (judged - since).total_seconds()))
