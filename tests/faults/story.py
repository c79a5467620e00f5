"""An incident driven from outside, patient with doors that are closed for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from grace.client import (
    Conflict,
    GatewayTimeout,
    Grace,
    Unavailable,
    Unreachable,
    wait_for_baseline,
)
from grace.contracts.verification import Baseline, Mission
from grace.kit.database import TRANSIENT, lost_connections
from grace.testkit import House, eventually

T = TypeVar("T")

MEASUREMENT, PARAMS = "postgres.activity", {"seconds": 4, "warmup_seconds": 1}
TARGET = "shop-db"
_PAUSE = 0.05
_PASSING = (GatewayTimeout, Unavailable, Unreachable)
_EVENTS = """
    SELECT e.subject, e.mission_id FROM action_events e JOIN missions m USING (mission_id)
     WHERE m.kind = $1 ORDER BY e.at, e.event_id
"""


async def patiently(ask: Callable[[], Awaitable[T]], *, within: float = 60.0) -> T:
    """Ask again while the door is closed: a killed service is started again within seconds."""
    async with asyncio.timeout(within):
        while True:
            try:
                return await ask()
            except _PASSING:
                await asyncio.sleep(_PAUSE)


@dataclass(slots=True)
class Watch:
    """Looks at a mission's steps in verification's own table, and does something at each new one."""

    house: House
    kind: str
    on_step: Callable[[str], None]
    seen: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(*TRANSIENT), lost_connections():  # Postgres may be what was lost
                await self._look()
            await asyncio.sleep(_PAUSE)

    async def _look(self) -> None:
        for row in await self.house.rows("verification", _EVENTS, self.kind):
            if row["subject"] not in self.seen:
                self.seen.append(row["subject"])
                self.on_step(row["subject"])


async def take_baseline(grace: Grace) -> Baseline:
    """Have the healthy target measured."""
    started = await patiently(lambda: grace.take_baseline(TARGET, MEASUREMENT, PARAMS))
    return await wait_for_baseline(grace, started.baseline_id, timeout=60)


async def approve(approver: Grace) -> None:
    """Approve what waits, once it does. An answer that got lost shows as nothing that waits."""
    decided = False
    async with asyncio.timeout(120):
        while True:
            page = await patiently(lambda: approver.approvals(status="pending"))
            if decided and not page.items:
                return
            for waiting in page.items:
                decided = True
                await _decide(approver, waiting.approval_id, waiting.shown_hash)
            await asyncio.sleep(_PAUSE)


async def keep_approving(approver: Grace) -> None:
    """Approve whatever waits, until cancelled."""
    while True:
        page = await patiently(lambda: approver.approvals(status="pending"))
        for waiting in page.items:
            await _decide(approver, waiting.approval_id, waiting.shown_hash)
        await asyncio.sleep(_PAUSE)


async def _decide(approver: Grace, approval_id: str, shown_hash: str) -> None:
    try:
        await approver.approve(approval_id, shown_hash)
    except (*_PASSING, Conflict):
        await asyncio.sleep(_PAUSE)


async def ended(grace: Grace, kind: str) -> Mission:
    """The one mission of a kind, once it has ended."""

    async def closed() -> Mission | None:
        page = await patiently(grace.missions)
        return next((m for m in page.items if m.kind == kind and m.closed_at), None)

    mission: Mission = await eventually(closed, timeout=120)
    return mission


async def counts(house: House, mission_id: str) -> dict[str, Any]:
    """How often what must happen once has happened."""

    async def count(service: str, query: str) -> int:
        return int((await house.rows(service, query, mission_id))[0][0])

    query = "SELECT contract_id FROM action_contracts WHERE mission_id = $1"
    (contract_id,) = [row[0] for row in await house.rows("verification", query, mission_id)]
    receipts = await house.rows(
        "worker",
        "SELECT step, count(*) AS n FROM effect_receipts WHERE contract_id = $1 GROUP BY step",
        contract_id,
    )
    outcomes = await house.rows(
        "learning", "SELECT count(*) FROM outcome_records WHERE contract_id = $1", contract_id
    )
    return {
        "missions": await count(
            "verification",
            "SELECT count(*) FROM missions WHERE kind ="
            " (SELECT kind FROM missions WHERE mission_id = $1)",
        ),
        "approvals": await count(
            "governance", "SELECT count(*) FROM approval_requests WHERE mission_id = $1"
        ),
        "receipts": {row["step"]: row["n"] for row in receipts},
        "outcomes": outcomes[0][0],
    }
