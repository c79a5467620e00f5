"""A service that a test plays: its name, NATS user, key and role, and nothing that it does on its own."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from grace.kit import Rpc, Running, Runtime, Service, relay
from grace.kit.life import Parts
from grace.kit.loops import Duty, run_duty

if TYPE_CHECKING:
    from grace.kit import ServiceSettings

_AUDIT_INTERVAL = timedelta(seconds=1)


class Actor(Service):
    """It does not beat, and looks at its outbox once it has put something there."""

    def __init__(
        self, name: str, settings: ServiceSettings, *, rpc: Rpc | None, logged: bool
    ) -> None:
        """Play this service; `logged` where identity runs and may be handed what it publishes."""
        super().__init__(name, settings)
        self._rpc = rpc or Rpc()
        self._logged = logged

    def parts(self) -> Parts:
        """What it answers, and the relays, each from the moment when it has something to carry."""
        relays = relay.sending(self.settings.outbox_interval)
        if self._logged:
            relays.append(Duty(_AUDIT_INTERVAL, relay.Audit(), leader=True))
        return Parts(rpc=self._rpc, backgrounds=[partial(_once_woken, duty) for duty in relays])

    async def start(self) -> Running:
        """Start it, with a pool that connects when a test uses it."""
        running = Running(self)
        running.runtime.pool = await self.pools.make(self.name, self.settings)
        await running.start()
        return running


async def _once_woken(duty: Duty, runtime: Runtime) -> None:
    wake = runtime.wake_event(type(duty.loop))
    if not runtime.stopping.is_set():  # whoever stops wakes only what has waited by then
        await wake.wait()
    await run_duty(runtime, duty)
