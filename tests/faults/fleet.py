"""Every service as a process of its own, started again when it ends: what Kubernetes does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import forked
from forked import Forked

from grace.kit import end_tasks
from grace.stack.installation import Installation

_PAUSE = 0.05
_STOP_SECONDS = 20.0


class Fleet:
    """The processes of a house; `kill` is SIGKILL, and the fleet starts what ended."""

    def __init__(
        self,
        installation: Installation,
        database: str,
        logs: Path,
        changes: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Describe the fleet; `changes` are settings (upper-case fields) of each service."""
        self._installation = installation
        self._database = database
        self._logs = logs
        self._changes = changes
        self._processes: dict[str, Forked] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self.starts: dict[str, int] = {}

    @property
    def names(self) -> Sequence[str]:
        """Every service."""
        return self._installation.names

    async def __aenter__(self) -> Self:
        """Start all."""
        for name in self.names:
            self._keepers.append(asyncio.create_task(self._keep(name)))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop all: politely first."""
        await end_tasks(self._keepers)
        running = [p for p in self._processes.values() if p.returncode is None]
        for process in running:
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await asyncio.gather(*(process.wait() for process in running))
        except TimeoutError:
            for process in running:
                if process.returncode is None:
                    process.kill()
            await asyncio.gather(*(process.wait() for process in running))

    async def retire(self) -> dict[str, int]:
        """Ask all to end, and start none again; returns their exit codes once they have."""
        await end_tasks(self._keepers)
        for process in self._processes.values():
            process.terminate()
        codes = await asyncio.gather(*(each.wait() for each in self._processes.values()))
        return dict(zip(self._processes, codes, strict=True))

    def kill(self, name: str) -> None:
        """End a service as a crash would, between any two of its steps."""
        process = self._processes.get(name)
        if process is not None and process.returncode is None:
            process.kill()

    async def _keep(self, name: str) -> None:
        """Start it again whenever it ends."""
        log = str(self._logs / f"{name}.log")
        while True:
            process = forked.start(f"grace.{name}", environment=self._environment(name), log=log)
            self._processes[name] = process
            self.starts[name] = self.starts.get(name, 0) + 1
            await process.wait()
            await asyncio.sleep(_PAUSE)

    def _environment(self, name: str) -> dict[str, str]:
        own = self._installation.environment(name, self._database)
        prefix = f"GRACE_{name.upper()}_"
        changed = {
            f"{prefix}{field}": value for field, value in self._changes.get(name, {}).items()
        }
        return {"PATH": os.environ["PATH"], **own, **changed}
