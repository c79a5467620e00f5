"""Builds a service out of its parts: the same skeleton for all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path

from grace.contracts.message import Message
from grace.kit import migrations, relay
from grace.kit.beat import Beat
from grace.kit.crash import CrashPoint, crash_point_from_environment
from grace.kit.database import Pools
from grace.kit.gaps import Gaps
from grace.kit.keys import IdentityKeys, KeySource
from grace.kit.life import Background, Parts, Running
from grace.kit.loops import Duty, Loop
from grace.kit.quarantine import Quarantine
from grace.kit.runtime import Runtime
from grace.kit.settings import ServiceSettings
from grace.kit.signals import SignalHandler
from grace.kit.stream import Rpc, Stream

__all__ = ["Running", "Service"]

_KEY_REFRESH = timedelta(seconds=60)
_AUDIT_INTERVAL = timedelta(seconds=1)
# No task waits for the log, and a call of it costs both sides a transaction whatever it carries.
_AUDIT_PAUSE = timedelta(milliseconds=500)
_PRUNE_INTERVAL = timedelta(minutes=10)
# What is read moves its mark this often; what is gone is seen at the start of whoever was away.
_GAPS_INTERVAL = timedelta(minutes=1)
_NONE = timedelta(0)


class RefreshKeys:
    """Fetches the service's key and the registry again: a rotation must not need a restart."""

    def __init__(self) -> None:
        self._started = False

    async def tick(self, runtime: Runtime) -> bool:
        """Load both, but for the first time: the service has just started with them."""
        if self._started:
            await runtime.keys.load()
        self._started = True
        return False


class Service:
    """The parts of a service, collected in the order in which its app.py names them."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name = name
        self.settings = settings
        self.migrations: Path | None = None
        self.key_source: KeySource = IdentityKeys()
        self.pools = Pools()
        # A process ends when its connection is closed for good; a test keeps its process.
        self.exit_on_close = False
        self._moments: Collection[str] = ()
        self._checks: list[Callable[[], object]] = []
        self._parts = Parts()

    def schema(self, module_file: str) -> Service:
        """The service owns a Postgres schema; its migrations lie beside the package."""
        self.migrations = migrations.folder(module_file)
        return self

    def keys(self, source: KeySource) -> Service:
        """Where the service's key comes from, if not from identity."""
        self.key_source = source
        return self

    def connections(self, pools: Pools) -> Service:
        """Who makes the service's pool of connections to Postgres, and closes it."""
        self.pools = pools
        return self

    def handle(self, stream: Stream) -> Service:
        """Handle JetStream batches."""
        self._parts.stream = stream
        return self

    def serve(self, rpc: Rpc) -> Service:
        """Answer requests."""
        self._parts.rpc = rpc
        return self

    def listen(self, model: type[Message], handler: SignalHandler) -> Service:
        """Hear a signal."""
        self._parts.listeners.append((model, handler))
        return self

    def every(
        self, interval: timedelta, loop: Loop, *, leader: bool = False, pause: timedelta = _NONE,
        woken_by: type | None = None,
    ) -> Service:  # fmt: skip
        """Run a periodic duty; a leader's in one replica only, with `pause` no more often than that."""
        self._parts.duties.append(Duty(interval, loop, leader, pause, woken_by))
        return self

    def run(self, background: Background) -> Service:
        """Run something of the service's own until it stops."""
        self._parts.backgrounds.append(background)
        return self

    def check(self, fitness: Callable[[], object]) -> Service:
        """Look at something before anything starts: SettingsError says what to change."""
        self._checks.append(fitness)
        return self

    def refuse_unfit(self) -> None:
        """Raise the SettingsError of what cannot work, before others have started for nothing."""
        for check in self._checks:
            check()

    def moments(self, names: Collection[str]) -> Service:
        """The moments at which a test may let the service die; see grace.kit.crash."""
        self._moments = names
        return self

    @property
    def crash_point(self) -> CrashPoint:
        """What the service calls at its moments. SettingsError for one that it does not have."""
        return crash_point_from_environment(self.name, self._moments)

    async def start(self) -> Running:
        """Start everything; raises what made it impossible, with all of it stopped again."""
        running = Running(self)
        await running.start()
        return running

    def parts(self) -> Parts:
        """What it was given, with the kit's own duties added."""
        beat = Duty(self.settings.beat_interval, Beat())
        duties = [Duty(_KEY_REFRESH, RefreshKeys()), beat, *self._parts.duties]
        if self.migrations is not None:
            duties += [
                *relay.sending(self.settings.outbox_interval),
                Duty(_AUDIT_INTERVAL, relay.Audit(), leader=True, pause=_AUDIT_PAUSE),
                Duty(_PRUNE_INTERVAL, relay.Prune()),
                Duty(_GAPS_INTERVAL, Gaps(), leader=True),
            ]
        given = self._parts
        rpc = given.rpc
        if self.migrations is not None:
            rpc = Quarantine(self.name, given.stream).on(rpc)
        return Parts(given.stream, rpc, given.listeners, duties, given.backgrounds)
