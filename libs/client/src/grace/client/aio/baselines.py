"""Baselines: how a target measures while it is healthy."""

from collections.abc import Callable, Mapping
from typing import Any

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.contracts.verification import Baseline

_PATH = "/api/verification/benchmarks/baseline"


class Baselines(Connection):
    """The methods about baselines."""

    async def take_baseline(
        self,
        target: str,
        operation: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout_ms: int = 30_000,
    ) -> Baseline:
        """Start to measure a healthy target; `wait_for_baseline` waits for the result."""
        body = {"target": target, "operation": operation, "params": dict(params or {})}
        return await self._post(_PATH, Baseline, body | {"timeout_ms": timeout_ms})

    async def baseline(self, baseline_id: str) -> Baseline:
        """One baseline."""
        return await self._get(f"{_PATH}/{part(baseline_id)}", Baseline)

    async def wait_for_baseline(
        self,
        baseline_id: str,
        *,
        timeout: float = 60.0,
        pause: float = 0.2,
        tell: Callable[[Baseline], None] | None = None,
    ) -> Baseline:
        """Return a baseline once it is stored or failed. StillOpen after `timeout` seconds."""
        return await self._ended(
            lambda: self.baseline(baseline_id),
            lambda baseline: baseline.status != "measuring",
            what=baseline_id,
            timeout=timeout,
            pause=pause,
            tell=tell,
        )
