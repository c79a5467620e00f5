"""A Postgres that is not Grace's own, with the roles that a careful owner would make."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from grace.stack.datadir import DataDir
from grace.stack.postgres import PostgresServer
from grace.testkit import eventually, server_folder
from grace.worker.domain.targets import PostgresTarget, parse
from grace.worker.kernels.operation import Context, Role
from grace.worker.kernels.postgres import activity, connection
from grace.worker.kernels.secrets import opener

# What asyncpg gives, and keyword arguments that are handed on as they are.
Session = Any
Values = Any
_NUMBERS = itertools.count(1)
_PASSWORD = "a target's password"
_ROLES = """
CREATE ROLE shop_owner LOGIN PASSWORD 'p' NOSUPERUSER;
CREATE ROLE shop_app LOGIN PASSWORD 'p' NOSUPERUSER;
CREATE ROLE careless LOGIN PASSWORD 'p' NOSUPERUSER;
CREATE ROLE grace_ops LOGIN PASSWORD 'p' NOSUPERUSER;
CREATE ROLE blind LOGIN PASSWORD 'p' NOSUPERUSER;
CREATE ROLE grace_eyes LOGIN PASSWORD 'p' NOSUPERUSER;
GRANT pg_read_all_stats, pg_signal_backend TO grace_ops;
GRANT pg_read_all_stats TO grace_eyes;
""".replace("'p'", f"'{_PASSWORD.replace(chr(39), chr(39) * 2)}'")
_QUICK = {
    "autovacuum_naptime": "1d",
    "fsync": "off",
    "full_page_writes": "off",
    "scram_iterations": "1",
}
# To copy files is cheaper than to log their pages, where no disk has to be waited for.
_COPY = "CREATE DATABASE {} OWNER shop_owner TEMPLATE {} STRATEGY FILE_COPY"
_FIRST = "first_shop"
_INSTALLED = Path(connection.__file__).with_name("target.sql").read_text(encoding="utf-8")
_SHOP = """
GRANT USAGE ON SCHEMA grace TO grace_ops;
GRANT EXECUTE ON FUNCTION grace.set_database_setting(text,text,text) TO grace_ops;
GRANT EXECUTE ON FUNCTION grace.set_table_autovacuum(text,text,text) TO grace_ops;
CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO items SELECT i, 0 FROM generate_series(1, 10) AS i;
GRANT ALL ON items TO shop_app, careless, grace_ops;
"""


@dataclass
class Shop:
    """The owner's view of one database of the target."""

    server: PostgresServer
    database: str
    target: PostgresTarget
    toml: str
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def connect(self, user: str = "", **settings: str) -> Session:
        """A session of somebody, closed with the test; without a user, the administrator's."""
        login = {"user": user, "password": _PASSWORD} if user else {}
        if user in {"", "shop_owner"}:
            settings = {"statement_timeout": "10s", **settings}  # what is tested must not hit us
        args = self.server.connect_args(self.database, **login)
        connection = await asyncpg.connect(**args, server_settings=settings)
        self._open.push_async_callback(_close, connection)
        return connection

    def ctx(self, role: Role = Role.ACT, **more: Values) -> Context:
        """Where a step runs."""
        secrets = frozenset({self.target.act.secret, self.target.observe.secret})
        return Context(self.target, role, reveal=opener(secrets), **more)

    @asynccontextmanager
    async def blocked(self, blocker: Session) -> AsyncIterator["asyncio.Task[Any]"]:
        """An idle transaction of `blocker` that one session of the shop waits for."""
        await blocker.execute("BEGIN; UPDATE items SET n = n + 1")
        victim = await self.connect("shop_app")
        waiting = asyncio.create_task(victim.execute("UPDATE items SET n = n + 1"))
        await eventually(lambda: self.waits(victim))
        yield waiting
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        # The server hears of the end a little later than the one who waited.
        await eventually(lambda: self._has_stopped_waiting(victim))

    async def _has_stopped_waiting(self, session: Session) -> bool:
        return not await self.waits(session)

    async def waits(self, session: Session) -> bool:
        """Whether a session waits for a lock."""
        eyes = await self.connect()
        kind = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $1"
        found = await eyes.fetchval(kind, session.get_server_pid())
        await eyes.close()
        return bool(found == "Lock")

    async def close(self) -> None:
        """Drop the database."""
        await self._open.aclose()
        admin = await asyncpg.connect(**self.server.connect_args("postgres"))
        await admin.execute(f'DROP DATABASE "{self.database}" WITH (FORCE)')
        await admin.close()


async def _close(connection: Session) -> None:
    await connection.close(timeout=2)


@pytest.fixture(scope="session")
def target_server() -> Iterator[PostgresServer]:
    """Started once; its durability and its guard against guesses are not what is tested.

    Nobody but the tests works in its databases, whose commits are counted.
    """
    with server_folder() as folder, DataDir(folder / "data") as data:
        server = PostgresServer(data.path, name="target", settings=_QUICK)
        server.start()
        try:
            yield server
        finally:
            server.remove()


@pytest.fixture
async def shop(target_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Shop]:
    """A fresh database `shop<n>` at the target, registered as `shop`."""
    database = f"shop{next(_NUMBERS)}"
    admin = await asyncpg.connect(**target_server.connect_args("postgres"))
    if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'grace_ops'"):
        await admin.execute(_ROLES)
        await _open_first_shop(target_server, admin)
    await admin.execute(_COPY.format(database, _FIRST))
    await admin.close()
    toml = _registration(target_server, database, tmp_path)
    target = parse(toml)["shop"]
    assert isinstance(target, PostgresTarget)
    made = Shop(target_server, database, target, toml)
    yield made
    await made.close()


async def _open_first_shop(server: PostgresServer, admin: Session) -> None:
    """What the owner does once is copied for every test."""
    await admin.execute(_COPY.format(_FIRST, "template1"))
    owner = await asyncpg.connect(
        **server.connect_args(_FIRST, user="shop_owner", password=_PASSWORD)
    )
    await owner.execute(_INSTALLED + _SHOP)
    await owner.close()


@pytest.fixture
def short_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """postgres.activity samples four times a second; all it tells stays what it is in a second."""
    monkeypatch.setattr(activity, "_APART_SECONDS", 0.25)
    monkeypatch.setattr(activity, "STUCK_SECONDS", 0.1)


def _registration(server: PostgresServer, database: str, folder: Path) -> str:
    password = folder / "target.password"
    with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(_PASSWORD + "\n")
    return f"""
[targets.shop]
kind = "postgres"
environment = "demo"
host = "127.0.0.1"
port = {server.port}
database = "{database}"
act = {{ user = "grace_ops", password_file = "{password}" }}
observe = {{ user = "grace_eyes", password_file = "{password}" }}
"""
