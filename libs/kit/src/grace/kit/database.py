"""The Postgres pool of a service: its own role, its own schema, bounded waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential_jitter

from grace.kit.logs import Logger
from grace.kit.settings import ServiceSettings, SettingsError
from grace.kit.typed import TypedConnection

# What the outside world does: another try in a moment may work.
TRANSIENT = (
    OSError,  # TimeoutError is one, and so is ConnectionError
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # restarts, ended sessions, statements that took too long
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # deadlocks, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # asyncpg's state after a connection broke in the middle of a step
)
# Transient as well, but what one message asks for can be the cause of it every time.
TOO_SLOW = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
_NOT_YET = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,  # the server has said that it shuts down, and not closed the connection yet
)
_REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
# A statement that takes longer is a bug or a stuck lock; both are better seen than waited for.
# A prepared statement keeps the plan that it got while its tables were young, and to read a young table
# whole looks cheap: without an index nothing else is possible, with one nothing else is wanted. A scan
# by bitmap does not tell the index which of its entries are dead, and a queue's index is full of them.
SESSION = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "jit": "off",
}

# Locks of a session are let go when it has said nothing for so long: a machine that lost its power closes
# no connection, and Postgres would believe in it for hours. Whoever leads speaks every five seconds.
_SILENT = "20s"

# Longer than the statement timeout: a slow statement is the server's to cancel and to explain.
_COMMAND_SECONDS = 35
_CONNECT_SECONDS = 10
_IDLE_SECONDS = 20

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    AnyConnection: TypeAlias = Connection | PoolConnectionProxy[asyncpg.Record]


@contextmanager
def lost_connections() -> Iterator[None]:
    """Tell a connection that is gone (ConnectionResetError) from a misuse of asyncpg.

    asyncpg has InterfaceError for both, and words to tell them apart.
    """
    try:
        yield
    except asyncpg.InterfaceError as error:
        if "clos" not in str(error):  # closed, is closing
            raise
        raise ConnectionResetError(str(error)) from error


class Pools:
    """Makes a service's pool when it starts, and closes it when it stops."""

    async def open(self, service: str, settings: ServiceSettings, log: Logger) -> Pool:
        """A pool that is connected. Waits for Postgres as long as it takes.

        Raises SettingsError when Postgres knows neither the database nor the role, or not the password.
        """
        waiting = AsyncRetrying(
            retry=retry_if_exception_type(_NOT_YET),
            wait=wait_exponential_jitter(multiplier=0.1, max=2),
            before_sleep=lambda state: log.warning(
                "postgres.unreachable", attempt=state.attempt_number
            ),
        )
        try:
            return await waiting(self._connected, service, settings)
        except _REFUSED as error:
            raise SettingsError(f"{error}: run `grace migrate`, or set another database") from None
        except asyncpg.ClientConfigurationError as error:
            raise SettingsError(f"how to reach Postgres: {error}") from None

    async def _connected(self, service: str, settings: ServiceSettings) -> Pool:
        pool = await self.make(service, settings)
        try:
            await pool.execute("SELECT 1")
        except BaseException:
            pool.terminate()
            raise
        return pool

    async def make(self, service: str, settings: ServiceSettings) -> Pool:
        """A pool that connects when it is asked for a connection."""
        pool: Pool = await asyncpg.create_pool(
            min_size=0,  # a floor would be restored, and told of at length, while Postgres is away
            max_size=settings.pool_size,
            # Each is a process of 2 to 9 MB, which a burst may need and an hour of quiet does not.
            max_inactive_connection_lifetime=_IDLE_SECONDS,
            reset=_nothing_to_reset,
            **_arguments(service, settings),
        )
        return pool

    async def close(self, pool: Pool, *, within: float) -> None:
        """Close it, by force when that takes longer than `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()


async def _nothing_to_reset(_: Connection) -> None:
    """A unit leaves no session state behind, and a round trip each time would look for some.

    asyncpg itself ends a transaction that is still open; session locks have their own connection.
    """


async def connect(service: str, settings: ServiceSettings) -> Connection:
    """One connection outside the pool, for locks that live as long as it does."""
    arguments = _arguments(service, settings, idle_session_timeout=_SILENT)
    connection: Connection = await asyncpg.connect(**arguments)
    return connection


def _arguments(service: str, settings: ServiceSettings, **session: str) -> dict[str, Any]:
    tls = settings.postgres_sslmode or _unasked_tls(settings.postgres_host)
    return {
        "host": settings.postgres_host,
        "port": settings.postgres_port,
        "database": settings.postgres_database,
        "user": settings.postgres_user or service,
        "password": _password(settings),
        "ssl": tls,
        # Otherwise as PGSSLNEGOTIATION says, which is meant for servers that speak TLS.
        "direct_tls": False if tls == "disable" else None,
        "target_session_attrs": settings.postgres_session_attrs,
        "connection_class": TypedConnection,
        "timeout": _CONNECT_SECONDS,
        "command_timeout": _COMMAND_SECONDS,
        "server_settings": {
            "search_path": service,
            "application_name": f"grace-{service}",
            **SESSION,
            **session,
        },
    }


def _unasked_tls(host: str) -> str:
    """Nobody listens on the loopback, and asking there for TLS costs a context and a round trip."""
    is_loopback = host in {"localhost", "::1"} or host.startswith("127.")
    return "disable" if is_loopback else "prefer"


def _password(settings: ServiceSettings) -> str:
    try:
        return settings.postgres_password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        file = settings.postgres_password_file
        raise SettingsError(f"cannot read the Postgres password file {file}: {error}") from None
