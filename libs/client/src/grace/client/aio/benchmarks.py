"""Benchmarks: what has a baseline, measured again and held against it."""

from collections.abc import Callable

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.contracts.verification import BenchmarkRun

_PATH = "/api/verification/benchmarks"


class Benchmarks(Connection):
    """The methods about benchmarks."""

    async def run_smoke(self, target: str | None = None) -> BenchmarkRun:
        """Start to measure everything that has a baseline once; `wait_for_run` waits for it."""
        return await self._post(f"{_PATH}/smoke", BenchmarkRun, {"target": target})

    async def run_regression(
        self, target: str | None = None, *, tolerance: float = 0.2
    ) -> BenchmarkRun:
        """Start to hold everything that has a baseline against it; `wait_for_run` waits for it."""
        body = {"target": target, "tolerance": tolerance}
        return await self._post(f"{_PATH}/regression", BenchmarkRun, body)

    async def benchmark_run(self, run_id: str) -> BenchmarkRun:
        """One run of benchmarks."""
        return await self._get(f"{_PATH}/runs/{part(run_id)}", BenchmarkRun)

    async def wait_for_run(
        self,
        run_id: str,
        *,
        timeout: float = 120.0,
        pause: float = 0.2,
        tell: Callable[[BenchmarkRun], None] | None = None,
    ) -> BenchmarkRun:
        """Return a run once it has its result. StillOpen after `timeout` seconds."""
        return await self._ended(
            lambda: self.benchmark_run(run_id),
            lambda run: run.status != "measuring",
            what=run_id,
            timeout=timeout,
            pause=pause,
            tell=tell,
        )
