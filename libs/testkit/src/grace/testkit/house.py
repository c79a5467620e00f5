"""The house under test: one installation for the session, a fresh database and streams per test."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import nats
from nats.aio.client import Client
from nats.js.api import StreamInfo

from grace.contracts.permissions import inbox_prefix
from grace.contracts.subjects import STREAMS
from grace.kit import Rpc, Runtime, Service, ServiceSettings, end_tasks, running_all
from grace.kit.flushing import flush
from grace.stack import streams
from grace.stack.installation import Installation, migrations_of
from grace.stack.nats import NatsLimits, UserPermissions
from grace.stack.postgres import DURABLE, SUPERUSER, PostgresServer
from grace.testkit.actor import Actor
from grace.testkit.administrator import administrator_of
from grace.testkit.keys import handed_out
from grace.testkit.pools import KeptPools
from grace.testkit.rewind import keep
from grace.testkit.waiting import eventually

TEMPLATE = "grace_template"
TESTER = "tester"
_EVERYTHING = UserPermissions((">",), (">",), allow_responses=False)
# No test cuts the power, and waiting for the disk is most of making a database. No test guesses
# passwords, and asyncpg's rounds of scram are most of a connection. Each of many databases would be visited as
# often as the one of a house.
_QUICK = {
    **DURABLE, "fsync": "off", "full_page_writes": "off", "scram_iterations": "1", "autovacuum_naptime": "1min",
}  # fmt: skip
# A test is over before more connections were worth their start, and what needs two at a time to get
# on would show here first.
_FEW: dict[str, Any] = {"pool_size": 2}
# To make the consumers of this one again took longer than most tests. The ids of the last ten minutes
# stay known after a purge: here a service gives each but once. A server that is killed may come back
# without the purge: who kills it empties the streams first, and behind another process they are deleted.
_PURGED = "EVENTS"
# The server's process when a house was last opened, by the folder of its installation.
_SERVED: dict[Path, int] = {}
_SELDOM = NatsLimits(sync_interval="2m")
_NUMBERS = itertools.count(1)
# Databases that earlier tests of this process have left, by the folder of their installation.
_FREE: dict[Path, list[str]] = {}


def make_installation(root: Path) -> Installation:
    """Servers with one user more, who may do everything: tests look and forge through it."""
    installation = Installation(root, more_users={TESTER: _EVERYTHING}, limits=_SELDOM)
    installation.postgres = PostgresServer(root, max_connections=200, settings=_QUICK)
    installation.start_servers()
    return installation


async def make_template(installation: Installation) -> None:
    """Migrate once; every test copies the result."""
    await installation.make_database(TEMPLATE)
    await installation.migrate(TEMPLATE)
    admin = await installation.admin(TEMPLATE)
    try:
        password = installation.postgres.password
        await admin.execute(f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'")
        await keep(admin, installation.names)
    finally:
        await admin.close()


class House:
    """What a test is given."""

    def __init__(self, installation: Installation, pools: KeptPools) -> None:
        self.installation = installation
        self._pools = pools
        self.database = ""
        self._open = AsyncExitStack()
        self._administrator = administrator_of(installation)
        self._clients: dict[str, Client] = {}
        self._has_identity = False

    async def open(self) -> None:
        """A fresh database and empty streams."""
        free = _FREE.setdefault(self.installation.root, [])
        if free:
            self.database = free.pop()
        else:
            self.database = f"t{os.getpid()}_{next(_NUMBERS)}"
            await self.installation.make_database(self.database, template=TEMPLATE)
        await self._purge_streams()

    async def empty_streams(self) -> None:
        """Delete every stream that was used and make it again."""
        await self._empty("")

    async def _purge_streams(self) -> None:
        """The same, but what has most consumers is purged where it may be."""
        pid = self.installation.nats.pid
        same = _SERVED.get(self.installation.root) == pid
        await self._empty(_PURGED if same else "")
        _SERVED[self.installation.root] = pid

    async def _empty(self, purged: str) -> None:
        client = await self._client(TESTER)
        jetstream = client.jetstream()
        for info in await jetstream.streams_info():
            if info.config.name == purged and not info.config.deny_purge:
                await jetstream.purge_stream(purged)
            elif info.state.last_seq:
                await jetstream.delete_stream(str(info.config.name))
        kept = {i.config.name for i in await jetstream.streams_info() if _is_whole(i)}
        await streams.apply(client, STREAMS.keys() - kept, purgeable=[_PURGED])

    async def dismiss(self) -> None:
        """Stop the actors and close the clients of this test."""
        self._clients.clear()
        await self._open.aclose()

    async def close(self) -> None:
        """Stop what the test left running and empty its database for the next test."""
        await self.dismiss()
        if await self._administrator.rewound(self.database, but=self._pools.sessions()):
            _FREE[self.installation.root].append(self.database)
        else:
            await self._drop()

    async def _drop(self) -> None:
        await self._administrator.forget(self.database)
        admin = await self.installation.admin("postgres")
        try:
            await admin.execute(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
        finally:
            await admin.close()

    def build(self, service: str, **changes: object) -> Service:
        """A service on this test's database; `changes` are settings."""
        built = self.installation.build(service, self.database, **_FEW | changes)
        return self.furnished(built)

    def furnished(self, service: Service) -> Service:
        """Its pool is kept for the next test. Where identity does not run, the house gives the keys, too."""
        given = self._has_identity or service.name == "identity"
        service.connections(self._pools)
        return service if given else service.keys(handed_out())

    @asynccontextmanager
    async def running(
        self, *names: str, **changes: dict[str, Any]
    ) -> AsyncIterator[dict[str, Runtime]]:
        """Run services in this process; keyword arguments are settings of the service so named.

        They get their keys from identity when it is among them or runs already.
        """
        self._has_identity |= "identity" in names
        services = [self.build(name, **changes.get(name, {})) for name in names]
        async with running_all(services) as started:
            try:
                yield {each.service.name: each.runtime for each in started}
            finally:
                await self._reconnected(*(each.runtime for each in started))

    async def act_as(self, service: str, rpc: Rpc | None = None) -> Runtime:
        """That service without its handlers and loops: call, publish in units, report, sign.

        `rpc` is what it answers all the same.
        """
        settings = ServiceSettings(**self._common_settings(service))
        actor = Actor(service, settings, rpc=rpc, logged=self._has_identity)
        started = await self.furnished(actor).start()
        self._open.push_async_callback(started.stop)
        self._open.push_async_callback(self._reconnected, started.runtime)
        return started.runtime

    async def _reconnected(self, *runtimes: Runtime) -> None:
        """Let clients come back first: nats-py leaves the socket open of one that is closed meanwhile."""
        if self.installation.nats.running:
            await eventually(lambda: not any(each.client.is_reconnecting for each in runtimes))

    def blank(self, service: str, **changes: object) -> Service:
        """A service's name, user, role and schema without any of its parts; tests add their own."""
        settings = ServiceSettings(**self._common_settings(service) | changes)
        blank = Service(service, settings)
        if service in self.installation.names:
            blank.migrations = migrations_of(service)
        return self.furnished(blank)

    def _common_settings(self, service: str) -> dict[str, Any]:
        values = self.installation.settings(service, self.database)
        return _FEW | {k: v for k, v in values.items() if k in ServiceSettings.model_fields}

    async def connect(self, user: str) -> Client:
        """A plain nats-py client of a NATS user, closed with the test."""
        client = await nats.connect(
            self.installation.nats.url,
            nkeys_seed=str(self.installation.nats.seed_file(user)),
            inbox_prefix=inbox_prefix(user).encode(),
            error_cb=_keep_quiet,
        )
        self._open.push_async_callback(_close, client)
        return client

    async def _client(self, user: str) -> Client:
        """One for all that the house itself does as this user, but not one that looks for its server."""
        known = self._clients.get(user)
        if known is None or not known.is_connected:
            known = self._clients[user] = await self.connect(user)
        return known

    async def publish_raw(
        self, *, user: str, subject: str, body: bytes,
        headers: dict[str, str] | None = None, reply: str = "",
    ) -> None:  # fmt: skip
        """Publish as that user would with a plain client, and wait until the server has it."""
        client = await self._client(user)
        await client.publish(subject, body, reply=reply, headers=headers)
        await flush(client)

    async def rows(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Read a service's schema as the administrator; one question at a time."""
        return await self._administrator.rows(self.database, service, query, arguments)

    async def role(self, service: str) -> asyncpg.Connection[asyncpg.Record]:
        """A connection as a service's own role."""
        return await asyncpg.connect(
            **self.installation.postgres.connect_args(
                self.database,
                user=service,
                password=self.installation.secret(f"{service}.password"),
            )
        )

    async def messages(self, subject: str) -> list[Any]:
        """Every message that a stream keeps under a subject, oldest first (nats RawStreamMsg)."""
        client = await self._client(TESTER)
        stream = await client.jetstream().find_stream_name_by_subject(subject)
        return await self.kept(stream, subject)

    async def kept(self, stream: str, subject: str = ">") -> list[Any]:
        """Every message of a stream, oldest first, also of one subject alone."""
        jetstream = (await self._client(TESTER)).jetstream()
        found, sequence = [], 1
        with contextlib.suppress(nats.js.errors.NotFoundError):
            while True:
                message = await jetstream.get_msg(stream, seq=sequence, subject=subject, next=True)
                found.append(message)
                sequence = (message.seq or 0) + 1
        return found


def _is_whole(info: StreamInfo) -> bool:
    return info.state.consumer_count == len(streams.consumers_of(str(info.config.name)))


async def _keep_quiet(_: Exception) -> None:
    """Denied publishes are told here; tests look at what did not happen."""


async def _close(client: Client) -> None:
    if not client.is_closed:
        await client.close()


@asynccontextmanager
async def open_house(installation: Installation, pools: KeptPools) -> AsyncIterator[House]:
    """A house for one test; what the test started and left goes on nowhere."""
    house, before = House(installation, pools), asyncio.all_tasks()
    try:
        await house.open()
        yield house
    finally:
        await asyncio.wait_for(house.close(), timeout=30)
        await end_tasks(asyncio.all_tasks() - before - {asyncio.current_task()})
