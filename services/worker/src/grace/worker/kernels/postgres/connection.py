"""One connection to a target for one step: bounded in every way, closed at the end."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from stat import S_IRWXO
from typing import Literal, TypeAlias

import asyncpg

from grace.kit import Queries
from grace.worker.domain.failure import InvalidError, UnusableError
from grace.worker.domain.targets import PostgresTarget
from grace.worker.kernels.operation import Context, Role

# In quotes: the driver's class is generic in its type stubs only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

QUERIES = Queries.beside(__file__)

APPLICATION_NAME = "grace-worker"
CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
STATEMENT_SECONDS = 10.0  # the client's own limit, behind the server's
# Sent with the connection, so that they beat what was set for the database or the role: a
# statement_timeout of 5 ms, the very thing to be repaired, must not hit the repairer.
_SESSION = {
    "application_name": APPLICATION_NAME,
    "statement_timeout": "5000",
    "lock_timeout": "3000",
    "idle_in_transaction_session_timeout": "15000",
    "search_path": "pg_catalog",  # nobody at the target can put a function in the way
}


def target_of(ctx: Context) -> PostgresTarget:
    """Return the target as a Postgres; InvalidError for any other kind."""
    if not isinstance(ctx.target, PostgresTarget):
        raise InvalidError(f"{ctx.target.id} is not a postgres target")
    return ctx.target


@asynccontextmanager
async def connected(ctx: Context) -> AsyncIterator[Connection]:
    """Connect with the credentials of the step's role; close at the end, whatever happens."""
    target = target_of(ctx)
    login = target.act if ctx.role is Role.ACT else target.observe
    connection: Connection = await asyncpg.connect(
        host=target.host,
        port=target.port,
        database=target.database,
        user=login.user,
        password=_password(login.password_file),
        ssl=_tls(target.tls),
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        server_settings=_session_of(ctx.role),
    )
    try:
        yield connection
    finally:
        await _close(connection)


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


def _session_of(role: Role) -> dict[str, str]:
    if role is Role.ACT:
        return dict(_SESSION)
    return {**_SESSION, "default_transaction_read_only": "on"}


def _tls(mode: str) -> Literal["prefer", "require"] | ssl.SSLContext:
    match mode:
        case "prefer":
            return "prefer"
        case "require":
            return "require"
        case _:
            return ssl.create_default_context()


def _password(file: PurePosixPath) -> str:
    """Read a password; UnusableError for a file that others may read."""
    path = Path(file)
    try:
        mode = path.stat().st_mode
        if mode & S_IRWXO:
            raise UnusableError(f"{path} is open to everybody: chmod o= it")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"the password file {path} cannot be read") from error
