"""The two services that are killed, as processes: forked from one that has imported everything."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from forked import FORKS
from torture_verify.sabotage import Guard, built

from grace.kit import main
from grace.kit.crash import VARIABLE

KILLED = -signal.SIGKILL


class Hands:
    """Verification and the worker. Each start may name the edge at which that life ends."""

    def __init__(
        self, environments: Mapping[str, Mapping[str, str]], logs: Path, guard: Guard | None
    ) -> None:
        self._environments = environments
        self._logs = logs
        self._guard = guard
        self._living: dict[str, BaseProcess] = {}

    def start(self, service: str, *, die_at: str = "") -> None:
        """Start a service in place of the one that runs, if one does."""
        self.kill(service)
        environment = {**self._environments[service], VARIABLE: die_at}
        guard = self._guard if self._guard and self._guard.service == service else None
        process = FORKS.Process(
            target=_live,
            args=(service, environment, str(self._logs / f"{service}.log"), guard),
            daemon=True,
        )
        process.start()
        self._living[service] = process

    async def has_died(self, service: str, *, within: float) -> bool:
        """Wait for its death by the edge."""
        process = self._living[service]
        await asyncio.to_thread(process.join, within)
        return process.exitcode == KILLED

    def runs(self, service: str) -> bool:
        """Whether it lives."""
        process = self._living.get(service)
        return process is not None and process.is_alive()

    def kill(self, *services: str) -> None:
        """End them as a crash would."""
        for service in services or tuple(self._living):
            process = self._living.pop(service, None)
            if process is not None:
                process.kill()
                process.join()


def _live(service: str, environment: Mapping[str, str], log: str, guard: Guard | None) -> None:
    """The child: the service's own main, with everything it says in a file."""
    gc.freeze()  # to look through what was imported before the fork would copy all of it
    for name in [name for name in os.environ if name.startswith("GRACE_")]:
        del os.environ[name]
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    main(built(service, guard))
