"""Does what the plan says, one fault after the other, while work goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from load.apart import Grounds
from torture.fleet import Fleet, Member
from torture.forger import Forger
from torture.oracle import Oracle
from torture.plan import Fault, Kind
from torture.submitter import Submitter

Act = Callable[[Fault], Coroutine[Any, Any, None]]

_HTM, _HAND = "htm", "hand"
# Standing still, htm keeps locks that others wait for; they give up after five seconds.
_LEASES_OF_HTM = 0.5


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that was done, and when in seconds of the run."""

    number: int
    kind: Kind
    at: float
    victim: str


class Tormentor:
    """Every fault is done to something that works at that moment."""

    def __init__(
        self, grounds: Grounds, fleet: Fleet, oracle: Oracle, people: tuple[Submitter, Forger],
        lease: float,
    ) -> None:  # fmt: skip
        self._nats = grounds.installation.nats
        self._postgres = grounds.installation.postgres
        self._fleet, self._oracle, self._lease = fleet, oracle, lease
        self._submitter, self._forger = people
        self._began = time.monotonic()
        self._beside: set[asyncio.Task[None]] = set()
        self.done: list[Done] = []

    async def do(self, fault: Fault) -> None:
        """Wait for its moment, and for its victim to be up."""
        await asyncio.sleep(fault.gap)
        victim = await self._victim(fault)
        at = time.monotonic() - self._began
        await self._act(fault, victim)
        self.done.append(Done(fault.number, fault.kind, at, victim.name if victim else ""))

    async def finish(self) -> None:
        """Wait until the last fault is over, too."""
        if self._beside:
            await asyncio.gather(*self._beside)

    async def _victim(self, fault: Fault) -> Member | None:
        if fault.kind.startswith("htm."):
            return await self._fleet.pick(_HTM, fault.victim)
        if fault.kind.startswith("worker."):
            return await self._fleet.pick(_HAND, fault.victim)
        return None

    async def _act(self, fault: Fault, victim: Member | None) -> None:  # noqa: C901 - one line for each kind
        match fault.kind:
            case Kind.HTM_KILL | Kind.HAND_KILL if victim:
                self._fleet.kill(victim)
            case Kind.HTM_STOP if victim:
                self._soon(self._fleet.stop(victim, self._lease * _LEASES_OF_HTM))
            case Kind.HAND_STOP if victim:
                self._soon(self._fleet.stop(victim, self._lease * fault.leases))
            case Kind.HAND_CLOCK if victim:
                victim.arguments[-1] = str(fault.clock_off)
                self._fleet.kill(victim)
            case Kind.NATS_WIPE:
                await asyncio.to_thread(self._nats.wipe)
            case Kind.NATS_KILL:
                await asyncio.to_thread(self._kill_nats)
            case Kind.BACKENDS_END:
                await self._oracle.end_backends(fault.victim % 3)
            case Kind.POSTGRES_RESTART:
                await asyncio.to_thread(self._postgres.restart)
            case Kind.POSTGRES_KILL:
                await asyncio.to_thread(self._kill_postgres)
            case Kind.SUBMIT_AGAIN:
                self._soon(self._submitter.again(fault.victim))
            case Kind.SUBMIT_OTHER:
                self._soon(self._submitter.other(fault.victim))
            case Kind.REPORT_FOREIGN:
                await self._forger.foreign()
            case Kind.REPORT_OLD:
                await self._forger.old()
            case Kind.REPORT_AGAIN:
                await self._forger.again(fault.victim)
            case Kind.POISON:
                await self._forger.poison()

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._beside.add(task)

    def _kill_nats(self) -> None:
        self._nats.kill()
        self._nats.start()

    def _kill_postgres(self) -> None:
        self._postgres.kill()
        self._postgres.start()
