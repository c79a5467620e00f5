"""A database that is acted on, on the servers of the run: its owner's view, and its registration."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torture_verify.judge import Picture

from grace.stack.installation import Installation
from grace.testkit import eventually
from grace.worker.kernels.postgres import connection

SHOP = "shop"
_PASSWORD = "a password of the target"
_ROLES = ("shop_owner", "shop_app", "grace_ops", "grace_eyes")
_SCHEMA = """
GRANT USAGE ON SCHEMA grace TO grace_ops;
GRANT EXECUTE ON FUNCTION grace.set_database_setting(text,text,text) TO grace_ops;
CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO items VALUES (1, 0);
GRANT ALL ON items TO shop_app;
"""
_SETTING = """
SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
 WHERE d.datname = current_database() AND s.setrole = 0
"""
_WAITS = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $1"


class Shop:
    """One database with an application, and the two roles by which Grace reaches it."""

    def __init__(self, installation: Installation, database: str) -> None:
        self._installation = installation
        self.database = database
        self._eyes: Any = None

    async def make(self) -> None:
        """Make roles, database and what the target's owner installs for Grace."""
        admin = await self._installation.admin("postgres")
        known = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
        for role in _ROLES:
            if role not in known:
                await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{_PASSWORD}' NOSUPERUSER")
        await admin.execute("GRANT pg_read_all_stats, pg_signal_backend TO grace_ops")
        await admin.execute("GRANT pg_read_all_stats TO grace_eyes")
        await admin.execute(f"CREATE DATABASE {self.database} OWNER shop_owner")
        await admin.close()
        installed = Path(connection.__file__).with_name("target.sql").read_text(encoding="utf-8")
        owner = await self._connect("shop_owner")
        await owner.execute(installed + _SCHEMA)
        await owner.close()
        self._eyes = await self._installation.admin(self.database)

    async def remove(self) -> None:
        """Drop the database."""
        if self._eyes is not None:
            await self._eyes.close()
        admin = await self._installation.admin("postgres")
        await admin.execute(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
        await admin.close()

    def registration(self, password: Path, root: Path) -> str:
        """The lines of the worker's registry: this database, and a folder."""
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(_PASSWORD + "\n", encoding="utf-8")
        return f"""
[targets.{SHOP}]
kind = "postgres"
environment = "demo"
host = "127.0.0.1"
port = {self._installation.postgres.port}
database = "{self.database}"
act = {{ user = "grace_ops", password_file = "{password}" }}
observe = {{ user = "grace_eyes", password_file = "{password}" }}
[targets.files]
kind = "filesystem"
environment = "demo"
root = "{root}"
"""

    async def set_timeout(self, value: str) -> None:
        """Set what new sessions get, as the owner."""
        await self._eyes.execute(
            f"ALTER DATABASE {self.database} SET statement_timeout = '{value}'"
        )

    async def timeout(self) -> Picture:
        """What is set."""
        pairs = [text.split("=", 1) for text in await self._eyes.fetchval(_SETTING) or ()]
        return dict(pairs)

    async def block(self) -> Block:
        """Let one transaction idle on a row that another one waits for."""
        blocker, victim = await self._connect("shop_app"), await self._connect("shop_app")
        await blocker.execute("BEGIN; UPDATE items SET n = n + 1")
        waiting = asyncio.create_task(victim.execute("UPDATE items SET n = n + 1"))

        async def waits() -> bool:
            return bool(await self._eyes.fetchval(_WAITS, victim.get_server_pid()) == "Lock")

        await eventually(waits)
        return Block(blocker, victim, waiting)

    async def _connect(self, user: str) -> Any:
        import asyncpg  # noqa: PLC0415 - typed as Any here

        login = self._installation.postgres.connect_args(
            self.database, user=user, password=_PASSWORD
        )
        # What an operation sets for the database, or the server for everybody, is not for its audience.
        patience = {"statement_timeout": "60s", "lock_timeout": "60s"}
        return await asyncpg.connect(**login, server_settings=patience)


@dataclass(frozen=True, slots=True)
class Block:
    """One session that holds a row, and one that waits for it."""

    blocker: Any
    victim: Any
    waiting: asyncio.Task[Any]

    async def look(self) -> Picture:
        """Whether the one has ended and the other got through."""
        ended = self.blocker.is_closed()
        through = self.waiting.done() and self.waiting.exception() is None
        return {
            "blocker": "ended" if ended else "idles",
            "victim": "through" if through else "waits",
        }

    async def close(self) -> None:
        """Let both go."""
        for each in (self.blocker, self.victim):
            each.terminate()
        with contextlib.suppress(Exception):
            await self.waiting
