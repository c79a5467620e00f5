# Made from grace.client.aio by grace.client.twins: do not edit.
"""Benchmarks: what has a baseline, measured again and held against it."""

from collections.abc import Callable

from grace.client.ask import part
from grace.client.sync.connection import Connection
from grace.contracts.verification import BenchmarkRun

_PATH = "/api/verification/benchmarks"


class Benchmarks(Connection):
    """The methods about benchmarks."""

    def run_smoke(self, target: str | None = None) -> BenchmarkRun:
        """Start to measure everything that has a baseline once; `wait_for_run` waits for it."""
        return self._post(f"{_PATH}/smoke", BenchmarkRun, {"target": target})

    def run_regression(self, target: str | None = None, *, tolerance: float = 0.2) -> BenchmarkRun:
        """Start to hold everything that has a baseline against it; `wait_for_run` waits for it."""
        body = {"target": target, "tolerance": tolerance}
        return self._post(f"{_PATH}/regression", BenchmarkRun, body)

    def benchmark_run(self, run_id: str) -> BenchmarkRun:
        """One run of benchmarks."""
        return self._get(f"{_PATH}/runs/{part(run_id)}", BenchmarkRun)

    def wait_for_run(
        self,
        run_id: str,
        *,
        timeout: float = 120.0,
        pause: float = 0.2,
        tell: Callable[[BenchmarkRun], None] | None = None,
    ) -> BenchmarkRun:
        """Return a run once it has its result. StillOpen after `timeout` seconds."""
        return self._ended(
            lambda: self.benchmark_run(run_id),
            lambda run: run.status != "measuring",
            what=run_id,
            timeout=timeout,
            pause=pause,
            tell=tell,
        )
