"""A Postgres that is not Grace's own, with one registered target for each of its tables."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg

from grace.stack.installation import make_secret
from grace.stack.postgres import ConnectArgs, PostgresServer
from grace.worker.kernels.postgres import connection

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

DATABASE = "estate"
_DATABASE_OF_THE_ADMIN = "postgres"
_SESSIONS = 80
_INSTALLED = Path(connection.__file__).with_name("target.sql")
_RIGHTS = """
GRANT USAGE ON SCHEMA grace TO ops;
GRANT EXECUTE ON FUNCTION grace.set_table_autovacuum(text, text, text) TO ops;
"""
_TABLE = (
    "CREATE TABLE public.{name} (id int PRIMARY KEY, note text) WITH (autovacuum_enabled = off)"
)
_HURT = "ALTER TABLE public.{name} SET (autovacuum_enabled = off)"
_IS_WELL = "SELECT 'autovacuum_enabled=true' = ANY (reloptions) FROM pg_class WHERE relname = $1"
_IN_ORDER = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'table\\_%' ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The owner's view: tables whose autovacuum is off, and what their catalogue says."""

    names: Sequence[str]
    owner: Connection

    async def hurt(self, name: str) -> None:
        """Turn autovacuum off."""
        await self.owner.execute(_HURT.format(name=name))

    async def is_well(self, name: str) -> bool:
        """Whether it is on, by the catalogue."""
        return bool(await self.owner.fetchval(_IS_WELL, name))


@asynccontextmanager
async def tables(folder: Path, count: int, targets_file: Path) -> AsyncIterator[Tables]:
    """A server with `count` tables, each hurt and registered under its name."""
    folder.mkdir(mode=0o711, parents=True)
    server = PostgresServer(folder, name="estate", max_connections=_SESSIONS)
    try:
        await asyncio.to_thread(server.start)
        password = make_secret(folder / "password", secrets.token_urlsafe(24))
        await _make(server, password.read_text(encoding="ascii"))
        owner: Connection = await asyncpg.connect(**_login(server, password, "landlord"))
        try:
            await owner.execute(_INSTALLED.read_text(encoding="utf-8") + _RIGHTS)
            for number in range(count):
                await owner.execute(_TABLE.format(name=f"table_{number:05}"))
            names = [row["relname"] for row in await owner.fetch(_IN_ORDER)]
            _register(targets_file, server.port, password, names)
            yield Tables(names, owner)
        finally:
            await owner.close()
    finally:
        await asyncio.to_thread(server.remove)


async def _make(server: PostgresServer, password: str) -> None:
    admin: Connection = await asyncpg.connect(**server.connect_args(_DATABASE_OF_THE_ADMIN))
    try:
        for role in ("landlord", "ops", "eyes"):
            await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        await admin.execute(f"CREATE DATABASE {DATABASE} OWNER landlord")
    finally:
        await admin.close()
    admin = await asyncpg.connect(**server.connect_args(DATABASE))
    try:
        await admin.execute("GRANT CREATE ON SCHEMA public TO landlord")
        await admin.execute("GRANT pg_read_all_stats TO ops, eyes")
    finally:
        await admin.close()


def _login(server: PostgresServer, password: Path, user: str) -> ConnectArgs:
    return server.connect_args(DATABASE, user=user, password=password.read_text("ascii"))


def _register(file: Path, port: int, password: Path, names: Sequence[str]) -> None:
    """Write the whole file: one entry after the other would rewrite it as often."""
    login = f'password_file = "{password}"'
    entries = (
        f"""
[targets.{name}]
kind = "postgres"
environment = "bench"
host = "127.0.0.1"
port = {port}
database = "{DATABASE}"
table = "public.{name}"
act = {{ user = "ops", {login} }}
observe = {{ user = "eyes", {login} }}
"""
        for name in names
    )
    file.write_text("".join(entries), encoding="utf-8")
