"""htm's replicas and the workers as processes of their own; what ends is started again at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import forked
from forked import Forked

from grace.kit import end_tasks
from grace.stack.ports import LOOPBACK, free_port

_PAUSE = 0.05
_READY_SECONDS = 30.0
_PROBE_SECONDS = 1.0
_STOP_SECONDS = 20.0
_PROBE = b"GET /health/ready HTTP/1.0\r\n\r\n"
_IS_READY = b" 200 "


@dataclass(slots=True)
class Member:
    """One process, and how it is started again."""

    name: str
    arguments: list[str]
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: Forked | None = None
    starts: int = 0
    killed: int = 0
    # How it ended when nobody killed it.
    ends: list[int] = field(default_factory=list)
    stopped: bool = False

    @property
    def lives(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens to what has ended."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    async def is_ready(self) -> bool:
        """Whether its readiness probe says 200."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PROBE_SECONDS):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    writer.write(_PROBE)
                    return _IS_READY in await reader.readline()
                finally:
                    writer.close()
        return False


class Fleet:
    """All processes by their names; `kill` is SIGKILL, `stop` is SIGSTOP."""

    def __init__(self, members: Sequence[Member], logs: Path) -> None:
        self.members = {member.name: member for member in members}
        self._logs = logs
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start all and wait until they are ready."""
        self._keepers = [asyncio.create_task(self._keep(m)) for m in self.members.values()]
        await asyncio.gather(*(self.ready(name) for name in self.members))
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all: politely first."""
        await end_tasks(self._keepers)
        for number in (signal.SIGCONT, signal.SIGTERM):
            self._send(number)
        ending = asyncio.gather(*(m.process.wait() for m in self.members.values() if m.process))
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await asyncio.shield(ending)
        except TimeoutError:
            self._send(signal.SIGKILL)
            await ending

    def _send(self, number: signal.Signals) -> None:
        for member in self.members.values():
            member.send(number)

    async def pick(self, kind: str, victim: int) -> Member:
        """One of a kind, once it is up and most of them do not stand still.

        Where all stood still nobody would overtake the one that wakes up.
        """
        names = [name for name in self.members if name.startswith(kind)]
        most = len(names) // 2
        while True:
            going = [name for name in names if not self.members[name].stopped]
            if len(names) - len(going) < most:
                break
            await asyncio.sleep(_PAUSE)
        picked = self.members[going[victim % len(going)]]
        await self.ready(picked.name)
        return picked

    async def ready(self, name: str) -> None:
        """Wait until a process is ready, but not for ever: it may be killed while it starts."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS):
                while True:
                    if await self.members[name].is_ready():
                        return
                    await asyncio.sleep(_PAUSE)

    def kill(self, member: Member | None) -> None:
        """End it as a crash would, between any two of its steps."""
        if member is not None and member.lives:
            member.killed += 1
            member.send(signal.SIGKILL)

    async def stop(self, member: Member, seconds: float) -> None:
        """Let it stand still, and go on as if nothing had been."""
        member.stopped = True
        member.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            member.send(signal.SIGCONT)
            member.stopped = False

    async def _keep(self, member: Member) -> None:
        log = str(self._logs / f"{member.name}.log")
        while True:
            killed = member.killed
            member.process = _start(member, log)
            code = await member.process.wait()
            if member.killed == killed:
                member.ends.append(code)
            await asyncio.sleep(_PAUSE)


def _start(member: Member, log: str) -> Forked:
    member.starts += 1
    environment = {"PATH": os.environ["PATH"], **member.environment}
    return forked.start(*member.arguments, environment=environment, log=log)
