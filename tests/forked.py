"""Programs forked from a process that has imported every service: they start in a tenth of the time.

Otherwise they are what `python -m` starts: a process of its own, with its own arguments,
environment, session and log, which ends when the test does.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

from grace.contracts.subjects import SERVICES
from grace.stack.processes import Child, end_with_parent

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([f"grace.{service}.app" for service in SERVICES])


class Forked:
    """One such process, in the words of asyncio's own."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._on_end)

    @property
    def returncode(self) -> int | None:
        """None while it lives."""
        return self._process.exitcode

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        await self._ended.wait()
        code = self._process.exitcode
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens to what has ended."""
        if self._process.exitcode is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._ended.set()


def start(module: str, *arguments: str, environment: Mapping[str, str], log: str) -> Forked:
    """Start what `python -m module arguments` would start."""
    process = FORKS.Process(target=_live, args=(module, arguments, environment, log), daemon=True)
    process.start()
    return Forked(process)


def _live(module: str, arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    gc.freeze()  # to look through what was imported before the fork would copy all of it
    end_with_parent(os.getppid())()
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class ForkedChild(Child):
    """A `Child` of `python -m` that is forked instead; what else it may be is started as ever."""

    def _spawn(self) -> Any:
        if self._argv[:2] != (sys.executable, "-m"):
            return super()._spawn()
        module, *arguments = self._argv[2:]
        self.log.touch(mode=0o600)
        process = FORKS.Process(
            target=_live,
            args=(module, arguments, dict(self._environment), str(self.log)),
            daemon=True,
        )
        process.start()
        return _Popen(process)


class _Popen:
    """The process in the words of subprocess.Popen."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None and self.pid is not None:
            os.kill(self.pid, number)
