"""What observability's tests share: plain telemetry, different where a test says so."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.permissions import OUTSIDE
from grace.kit.flushing import flush
from grace.testkit import House

Tell = Callable[..., Awaitable[None]]


@pytest.fixture
async def tell(house: House) -> Tell:
    """Publish telemetry as a runner outside does: a plain client, nothing signed."""
    client = await house.connect(OUTSIDE)

    async def publish(what: str, run_id: str = "run-1", **changes: Any) -> None:
        body = _body(what, run_id) | changes
        body = {name: value for name, value in body.items() if value is not None}
        await client.publish(f"telemetry.stress.{what}", json.dumps(body).encode())
        await flush(client)

    return publish


def _body(what: str, run_id: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    start = (now - timedelta(minutes=1)).isoformat()
    same = {"run_id": run_id, "suite": "checkout", "target": "shop-db"}
    counts = {"requests": 100, "errors": 2, "p50_ms": 20.0, "p99_ms": 200.0, "mean_ms": 30.0}
    match what:
        case "started":
            return same | {"started_at": start}
        case "sampled":
            return same | {"sequence": 1, "at": now.isoformat()} | counts
        case _:
            times = {"started_at": start, "ended_at": now.isoformat()}
            return same | times | {"status": "passed"} | counts
