"""An embedded Postgres: the packaged binaries, started and stopped as a child."""

import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypedDict
from urllib.parse import quote

from asyncpg.connect_utils import SessionAttribute

from grace.stack import cluster
from grace.stack.errors import StackError
from grace.stack.placement import Placement, binary, place
from grace.stack.ports import LOOPBACK, is_free, settle_port
from grace.stack.processes import Child, RunAs, last_lines, wait_until

__all__ = ["DURABLE", "SMALL", "SUPERUSER", "ConnectArgs", "PostgresServer", "binary"]

SUPERUSER = cluster.SUPERUSER

# What a truth needs: no commit that was answered is lost, no session holds others up for long, and a queue is
# cleared of what has left it before claims have to pass over much of it.
DURABLE: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "idle_in_transaction_session_timeout": "30s",
        "lock_timeout": "5s",
        "tcp_user_timeout": "10s",
        "client_connection_check_interval": "2s",
        "autovacuum_naptime": "15s",
    }
)
# What keeps one server near 100 MB: the figure to watch is PSS, not RSS.
SMALL: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "64MB",
        "jit": "off",
        "io_method": "sync",  # spares three I/O worker processes
        "max_wal_senders": "0",
        "max_logical_replication_workers": "0",
        "autovacuum_max_workers": "2",
    }
)
_FIXED: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",  # a socket in a world-writable folder invites squatting
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",
    }
)
_START_SECONDS = 60.0  # crash recovery replays the log before the server is ready
_STOP_SECONDS = 20.0
_ORPHANS_SECONDS = 10.0
_STILL_HELD = ("pre-existing shared memory block", 'lock file "postmaster.pid"')


class ConnectArgs(TypedDict):
    """What a Postgres client needs, as keyword arguments (asyncpg's names)."""

    host: str
    port: int
    user: str
    password: str
    database: str
    ssl: Literal["disable"]
    direct_tls: Literal[False]
    target_session_attrs: SessionAttribute


class PostgresServer:
    """One Postgres of a data directory whose lock the caller holds.

    `data` is that directory, `name` this server's folder, log and port in it. `settings` are
    server settings laid over SMALL; the default DURABLE is for Grace's own truth, and the
    target of a demonstration brings its own. All methods block; the first start takes about
    0.6 s, later ones 0.05 s.
    """

    def __init__(
        self,
        data: Path,
        *,
        name: str = "postgres",
        port: int | None = None,
        max_connections: int = 100,
        settings: Mapping[str, str] = DURABLE,
    ) -> None:
        """Describe the server; nothing is touched before `start`."""
        self.name = name
        self._data = data.absolute()
        self._wanted = port
        self._settings = {**SMALL, **settings, "max_connections": str(max_connections)}
        self._port: int | None = None
        self._placement: Placement | None = None
        self._child: Child | None = None

    def start(self) -> None:
        """Start the server and wait until it takes connections; a running one stays.

        Makes the cluster at the first start and recovers a crashed one.
        Raises StackError: port taken, folder not writable or not reachable, server ended.
        """
        if self.running:
            return
        where = self.placement
        cluster.create(where, self.password)
        cluster.clear_leftover(where.cluster)
        self._port = self._settled()
        self._child = Child(
            self.name, self._command(), log=self._data / f"{self.name}.log", account=where.account
        )
        self._start_when_free(self._child)

    def stop(self) -> None:
        """Stop the server: sessions are cut, everything committed is on disk."""
        if self._child is not None:
            self._child.stop(signal.SIGINT, signal.SIGQUIT, within=_STOP_SECONDS)

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End the postmaster by SIGKILL, as a crash would; `start` then recovers."""
        if self._child is not None:
            self._child.kill()

    def remove(self) -> None:
        """Stop the server and delete its cluster, port, password and log for good."""
        self.stop()
        shutil.rmtree(self.placement.cluster, ignore_errors=True)
        if self.placement.cluster.parent != self._data:
            with suppress(OSError):  # another server's cluster lies there, too
                self.placement.cluster.parent.rmdir()
        for kind in ("port", "password", "log"):
            (self._data / f"{self.name}.{kind}").unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        """Whether the postmaster lives."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """The postmaster's process id; StackError when it does not run."""
        if self._child is None:
            message = f"{self.name} is not running: start it first"
            raise StackError(message)
        return self._child.pid

    @property
    def port(self) -> int:
        """The TCP port on the loopback address; StackError before the first start."""
        if self._port is None:
            message = f"{self.name} has no port yet: start it first"
            raise StackError(message)
        return self._port

    @property
    def placement(self) -> Placement:
        """Where binaries and cluster lie and as whom the server runs."""
        if self._placement is None:
            self._placement = place(self._data, self.name)
        return self._placement

    @property
    def run_as(self) -> RunAs:
        """Keyword arguments for `subprocess` that run a program as the server's account."""
        account = self.placement.account
        return account.run_as if account else {"cwd": "/"}

    @property
    def password(self) -> str:
        """The administrator's password, from its 0600 file; made when it is not there yet."""
        try:
            return cluster.remember_password(self._data / f"{self.name}.password")
        except OSError as failure:
            message = f"{self._data} cannot be written ({failure.strerror}): name another one"
            raise StackError(message) from failure

    def binary(self, name: str) -> Path:
        """Return a Postgres program that the server's account can run (see `run_as`)."""
        return self.placement.binaries / name

    def connect_args(
        self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None
    ) -> ConnectArgs:
        """Return how to connect; without a password, the administrator's."""
        return {
            "host": LOOPBACK,
            "port": self.port,
            "user": user,
            "password": self.password if password is None else password,
            "database": database,
            # Nobody listens on the loopback, and PGSSLMODE, PGSSLNEGOTIATION and PGTARGETSESSIONATTRS
            # of the shell are meant for other servers.
            "ssl": "disable",
            "direct_tls": False,
            "target_session_attrs": SessionAttribute.any,
        }

    def dsn(
        self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None
    ) -> str:
        """Return how to connect as a postgresql:// URL; it holds the password."""
        to = self.connect_args(database, user=user, password=password)
        login = f"{quote(to['user'], safe='')}:{quote(to['password'], safe='')}"
        return f"postgresql://{login}@{to['host']}:{to['port']}/{quote(database, safe='')}"

    def _settled(self) -> int:
        """The port. The one that it had is held for a moment by what a killed postmaster left."""
        if (had := self._port) is not None:
            wait_until(lambda: is_free(had), within=_ORPHANS_SECONDS)
        return settle_port(self._data / f"{self.name}.port", self._wanted or had)

    def _command(self) -> list[str]:
        settings = {**self._settings, **_FIXED, "port": str(self.port)}
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.binary("postgres")), "-D", str(self.placement.cluster), *flags]

    def _start_when_free(self, child: Child) -> None:
        """Start, again and again while the backends of a killed postmaster still end."""
        wait_until(lambda: self._attempt(child), within=_ORPHANS_SECONDS)
        child.wait_ready(lambda: self._ready(child), within=_START_SECONDS)

    def _attempt(self, child: Child) -> bool:
        child.start()
        wait_until(lambda: not child.running or self._ready(child), within=_START_SECONDS)
        return child.running or not any(text in last_lines(child.log) for text in _STILL_HELD)

    def _ready(self, child: Child) -> bool:
        found = cluster.status(self.placement.cluster)
        return found is not None and child.running and found == (child.pid, "ready")
