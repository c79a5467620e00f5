"""Connections to targets: bounded in every way, lent to one step at a time, closed when idle."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from grace.kit import Queries
from grace.worker.domain.failure import InvalidError, UnreachedError, UnusableError
from grace.worker.domain.targets import PostgresTarget
from grace.worker.kernels.operation import Context, Role

# In quotes: the driver's class is generic in its type stubs only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
if TYPE_CHECKING:
    _Base = asyncpg.Connection[asyncpg.Record]
else:
    _Base = asyncpg.Connection

QUERIES = Queries.beside(__file__)

APPLICATION_NAME = "grace-worker"
CONNECT_SECONDS = 5.0
# The steps of one action follow each other within milliseconds and need no login each, which costs
# both sides more than all that is asked afterwards; a target that is left alone has nobody of ours on it.
IDLE_SECONDS = 5.0
MOST_CONNECTIONS = 50  # of one login; as many wait as there are slots, each within its timeout
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


def table_of(ctx: Context) -> str:
    """Return the table that the target is (schema.name); UnusableError where it names none."""
    table = target_of(ctx).table
    if table is None:
        raise UnusableError(f"{ctx.target.id} is a whole database: register a table of it")
    return table


@dataclass(frozen=True, slots=True)
class _Door:
    """Whose connections are alike: one login of one database, with the password of this moment."""

    host: str
    port: int
    database: str
    tls: str
    user: str
    password: str
    role: Role

    def pool(self) -> Pool:
        """Return a pool that opens nothing before it is asked."""
        return asyncpg.create_pool(
            host=self.host,
            port=self.port,
            database=self.database,
            user=self.user,
            password=self.password,
            ssl=_tls(self.tls),
            # Not what PGTARGETSESSIONATTRS of the shell says: an entry names its server.
            target_session_attrs=SessionAttribute.any,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings=_session_of(self.role),
            min_size=0,
            max_size=MOST_CONNECTIONS,
            connection_class=_Spared,
            reset=_clear,
            max_inactive_connection_lifetime=IDLE_SECONDS,
        )

    def __repr__(self) -> str:
        """Without the password."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


# A connection belongs to the event loop that made it.
_POOLS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Door, Pool]] = WeakKeyDictionary()


@asynccontextmanager
async def connected(ctx: Context) -> AsyncIterator[Connection]:
    """Lend a connection with the credentials of the step's role; what was begun is rolled back."""
    pool = await _pool(_door(ctx))
    try:
        connection = await pool.acquire()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnreachedError(error) from error
    try:
        yield connection  # type: ignore[misc]  # the proxy has every method of what it stands for
    finally:
        await pool.release(connection)


@asynccontextmanager
async def looking(ctx: Context) -> AsyncIterator[Connection]:
    """Lend a connection for single statements of ours that leave nothing in the session."""
    async with connected(ctx) as connection:
        yield connection
        connection.spare_reset()  # type: ignore[attr-defined]  # _Spared has it


class _Spared(_Base):
    """A connection that need not be cleared of what nobody left in its session.

    To clear it costs a round trip, as much as the look at the world that was before it.
    """

    __slots__ = ("_is_spared",)

    def spare_reset(self) -> None:
        """Nothing that stays in a session was done since it was lent."""
        self._is_spared = True

    def take_spared(self) -> bool:
        """Whether the loan that has ended spares the reset; the next one does not."""
        is_spared = getattr(self, "_is_spared", False)
        self._is_spared = False
        return is_spared


async def _clear(connection: Connection) -> None:
    """Clear the session of what an operation or a query of a person's left in it."""
    if not (isinstance(connection, _Spared) and connection.take_spared()):
        await connection.reset()


def _door(ctx: Context) -> _Door:
    target = target_of(ctx)
    login = target.act if ctx.role is Role.ACT else target.observe
    return _Door(
        host=target.host,
        port=target.port,
        database=target.database,
        tls=target.tls,
        user=login.user,
        password=ctx.reveal(login),
        role=ctx.role,
    )


async def _pool(door: _Door) -> Pool:
    pools = _POOLS.setdefault(asyncio.get_running_loop(), {})
    if door not in pools:
        pools[door] = door.pool()
    return await pools[door]


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
