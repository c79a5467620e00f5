"""Does what the plan says, one fault after the other, while work goes on."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from load.apart import Grounds
from torture.fleet import Fleet, Member
from torture.forger import Forger
from torture.oracle import Oracle
from torture.plan import Fault, Kind
from torture.submitter import Submitter

from grace.stack.nats import NatsServer
from grace.stack.postgres import PostgresServer

Act = Callable[[], Any]

_HTM, _HAND = "htm", "hand"
# Standing still, htm keeps locks that others wait for; they give up after five seconds.
_LEASES_OF_HTM = 0.5
# To stop who holds nothing says nothing; but where no work is left nobody waits for it.
_LOOKS, _LOOK_SECONDS = 50, 0.02


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
        act = self._acts(fault, victim)[fault.kind]()
        if inspect.iscoroutine(act):
            await act
        self.done.append(Done(fault.number, fault.kind, at, victim.name if victim else ""))

    async def finish(self) -> None:
        """Wait until the last fault is over, too."""
        if self._beside:
            await asyncio.gather(*self._beside)

    async def _victim(self, fault: Fault) -> Member | None:
        if fault.kind.startswith("htm."):
            return await self._fleet.pick(_HTM, fault.victim)
        if fault.kind in {Kind.HAND_STOP, Kind.REPORT_STILL}:
            return await self._busy(await self._fleet.pick(_HAND, fault.victim))
        if fault.kind.startswith("worker."):
            return await self._fleet.pick(_HAND, fault.victim)
        return None

    async def _busy(self, hand: Member) -> Member:
        """The worker, as soon as it holds something that it has not ended."""
        for _ in range(_LOOKS):
            if await self._oracle.in_hand(hand.name):
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return hand

    def _acts(self, fault: Fault, victim: Member | None) -> Mapping[Kind, Act]:
        """What each kind does. What takes long goes on beside the next fault."""
        fleet, nats, postgres = self._fleet, self._nats, self._postgres
        return {
            Kind.HTM_KILL: lambda: fleet.kill(victim),
            Kind.HAND_KILL: lambda: fleet.kill(victim),
            Kind.HTM_STOP: lambda: self._stop(victim, _LEASES_OF_HTM),
            Kind.HAND_STOP: lambda: self._stop(victim, fault.leases),
            Kind.HAND_CLOCK: lambda: self._set_clock(victim, fault.clock_off),
            Kind.NATS_WIPE: lambda: asyncio.to_thread(nats.wipe),
            Kind.NATS_KILL: lambda: asyncio.to_thread(_crash, nats),
            Kind.BACKENDS_END: lambda: self._oracle.end_backends(fault.victim % 3),
            Kind.POSTGRES_RESTART: lambda: asyncio.to_thread(postgres.restart),
            Kind.POSTGRES_KILL: lambda: asyncio.to_thread(_crash, postgres),
            Kind.SUBMIT_AGAIN: lambda: self._soon(self._submitter.again(fault.victim)),
            Kind.SUBMIT_OTHER: lambda: self._soon(self._submitter.other(fault.victim)),
            Kind.REPORT_FOREIGN: self._forger.foreign,
            Kind.REPORT_OLD: self._forger.old,
            Kind.REPORT_AGAIN: lambda: self._forger.again(fault.victim),
            Kind.REPORT_STILL: lambda: self._forge(victim, fault.leases),
            Kind.POISON: self._forger.poison,
        }

    def _stop(self, victim: Member | None, leases: float) -> asyncio.Task[None]:
        assert victim is not None
        return self._soon(self._fleet.stop(victim, self._lease * leases))

    async def _forge(self, victim: Member | None, leases: float) -> None:
        """Others speak while it stands still."""
        assert victim is not None
        still = self._stop(victim, leases)
        await asyncio.sleep(0)  # it stands from here on
        self._soon(self._forger.of_still(victim.name, still))

    def _set_clock(self, victim: Member | None, seconds: int) -> None:
        """From its next start on, which is at once."""
        assert victim is not None
        victim.arguments[-1] = str(seconds)
        self._fleet.kill(victim)

    def _soon(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        return task


def _crash(server: NatsServer | PostgresServer) -> None:
    server.kill()
    server.start()
