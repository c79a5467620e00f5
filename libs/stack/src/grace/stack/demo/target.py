"""The target: a shop's database on a Postgres of its own. It is not Grace's; Grace is a guest there."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import asyncpg

from grace.kit import Queries, Transaction
from grace.kit.migrations import statements
from grace.stack.cluster import new_password
from grace.stack.demo import targets_file
from grace.stack.demo.roles import Role
from grace.stack.errors import StackError
from grace.stack.installation import make_secret
from grace.stack.ports import LOOPBACK
from grace.stack.postgres import SUPERUSER, ConnectArgs, PostgresServer

ID = "shop-db"
DATABASE = "shop"
SETTING = "statement_timeout"  # what Grace may change there, and does in the second incident
MAINTENANCE = "postgres"  # the database to look from: what asks there is not counted as the shop's
QUERIES = Queries.beside(__file__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Nothing here heals by itself what Grace is to heal. How fast a disk syncs must not decide a
# verdict about locks; nothing of it has to survive a power cut.
_SETTINGS = {
    "synchronous_commit": "off",
    "client_connection_check_interval": "1s",
    "cluster_name": "target",
    # Rounds protect passwords that can be guessed. These are random, and a shop that connects
    # ten times a second would spend most of its time on them.
    "scram_iterations": "1",
}
SCALE = 3  # branches; 300,000 accounts, 45 MB, half a second to make
_MOST_SESSIONS = 50
_CONNECT_SECONDS = 5.0
_INIT_SECONDS = 60.0
_DDL = Path(__file__).with_name("target.sql")


class Target:
    """The target of a data directory whose lock the caller holds."""

    def __init__(self, root: Path) -> None:
        """Describe the target; nothing is touched before `start`."""
        self._root = root.absolute()
        self.server = PostgresServer(
            self._root, name="target", max_connections=_MOST_SESSIONS, settings=_SETTINGS
        )

    @property
    def folder(self) -> Path:
        """Where logs lie."""
        folder = self._root / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def start(self) -> None:
        """Start the server; blocks for 0.6 s the first time. Raises StackError."""
        self.server.start()

    def stop(self) -> None:
        """Stop the server, and whoever is still connected."""
        self.server.stop()

    def remove(self) -> None:
        """Stop the server and delete everything it stored."""
        self.server.remove()

    async def prepare(self) -> None:
        """Make roles, database and rights where they are missing, and put it into its healthy state.

        Raises StackError when pgbench cannot make its tables.
        """
        async with self.connected(SUPERUSER, MAINTENANCE) as admin:
            for role in Role:
                await _make_role(admin, role, self.password(role))
            if not await admin.fetchval(QUERIES["is_whole"].text, DATABASE):
                await self._make_database(admin)
            await admin.execute(QUERIES["end_sessions"].text, DATABASE)
        async with self.connected(SUPERUSER) as admin:
            for statement in statements(_DDL.read_text(encoding="utf-8")):
                await admin.execute(statement)

    async def _make_database(self, admin: Connection) -> None:
        """Make the database; it is not whole before it says so itself."""
        await admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {DATABASE} OWNER {Role.OWNER}")
        await asyncio.to_thread(self._fill)
        await admin.execute(f"COMMENT ON DATABASE {DATABASE} IS 'whole'")

    def _fill(self) -> None:
        done = subprocess.run(
            [str(self.server.binary("pgbench")), "-i", "-q", "-s", str(SCALE)],
            capture_output=True,
            check=False,
            env=self.environment(Role.OWNER),
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_INIT_SECONDS,
            **self.server.run_as,
        )
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StackError(f"pgbench cannot make the target's tables: {reason}")

    def password(self, role: Role) -> str:
        """The password of a role, made when it is asked for first."""
        return self.password_file(role).read_text(encoding="ascii").strip()

    def password_file(self, role: Role) -> Path:
        """The file (mode 0600) of a role's password."""
        folder = self._root / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        return make_secret(folder / f"target.{role}.password", new_password())

    def login(self, role: Role, database: str = DATABASE) -> ConnectArgs:
        """How to connect as a role."""
        return self.server.connect_args(database, user=role.value, password=self.password(role))

    def environment(self, role: Role) -> dict[str, str]:
        """The same for a program that stands on libpq; arguments would show the password to all."""
        login = self.login(role)
        return {
            "PGHOST": login["host"],
            "PGPORT": str(login["port"]),
            "PGUSER": login["user"],
            "PGPASSWORD": login["password"],
            "PGDATABASE": login["database"],
        }

    @asynccontextmanager
    async def connected(
        self, user: Role | str, database: str = DATABASE
    ) -> AsyncIterator[Connection]:
        """A connection for the length of the block; the administrator's has no limit that is set for all."""
        options: dict[str, str] = {}
        if isinstance(user, Role):
            login = self.login(user, database)
        else:
            login, options = self.server.connect_args(database, user=user), {SETTING: "0"}
        connection = await asyncpg.connect(
            **login, timeout=_CONNECT_SECONDS, server_settings=options
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=_CONNECT_SECONDS)

    async def read_setting(self, name: str) -> str | None:
        """The raw text that is set for the database, as the target itself has it; None: not set."""
        async with self.connected(Role.WATCH, MAINTENANCE) as connection:
            found: str | None = await Transaction(connection).fetchval(
                QUERIES["read_setting"], name=name, database=DATABASE
            )
            return found

    def register(self, file: Path) -> None:
        """Write the target into Grace's registry: where it is, and who acts and who measures."""
        entry: targets_file.Entry = {
            "kind": "postgres",
            "environment": "demo",
            "host": LOOPBACK,
            "port": self.server.port,
            "database": DATABASE,
            "act": self._credentials(Role.ACT),
            "observe": self._credentials(Role.OBSERVE),
        }
        targets_file.register(file, ID, entry)

    def _credentials(self, role: Role) -> dict[str, str]:
        return {"user": role.value, "password_file": str(self.password_file(role))}


async def _make_role(admin: Connection, role: Role, password: str) -> None:
    tx = Transaction(admin)
    if not await tx.fetchval(QUERIES["find_role"], name=str(role)):
        await admin.execute(await tx.fetchval(QUERIES["create_role"], name=str(role)))
    change = await tx.fetchval(QUERIES["set_password"], name=str(role), password=password)
    await admin.execute(change)
