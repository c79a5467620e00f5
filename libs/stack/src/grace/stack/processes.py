"""One child server from its start to its reaping: no shell, no orphans, no zombies."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypedDict

from grace.stack.errors import StackError

_POLL = 0.005  # seconds
_PR_SET_PDEATHSIG = 1
_LOG_LIMIT = 8 * 1024 * 1024  # bytes; a longer log is set aside at the next start
_LOG_TAIL = 4096  # bytes of the log that an error message may draw from
# The child's own environment, so that no PGPORT, LD_PRELOAD or locale of the caller leaks in.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
# The kernel sends PDEATHSIG when the *thread* that forked ends, so every child comes from one
# thread that lives as long as the process.
_nursery = ThreadPoolExecutor(max_workers=1, thread_name_prefix="grace-stack")


class RunAs(TypedDict, total=False):
    """Keyword arguments that make `subprocess` run a child as another account."""

    user: int
    group: int
    extra_groups: list[int]
    cwd: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the machine, by name and numbers."""

    name: str
    uid: int
    gid: int

    @property
    def run_as(self) -> RunAs:
        """The keyword arguments for `subprocess` that run a child as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"}


def wait_until(condition: Callable[[], bool], *, within: float) -> bool:
    """Poll the condition until it holds or `within` seconds have passed; tell whether it held."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True


def last_lines(log: Path, count: int = 3) -> str:
    """Return the last non-empty lines of a log on one line, for an error message."""
    try:
        tail = log.read_bytes()[-_LOG_TAIL:].decode(errors="replace")
    except OSError:
        return "(no log)"
    return " | ".join([line.strip() for line in tail.splitlines() if line.strip()][-count:])


def end_with_parent(parent: int) -> Callable[[], None]:
    """Return what a child runs before exec so that it gets SIGINT when its parent dies."""

    def arrange() -> None:
        # What a script starts by `&` ignores them, and so would its children until SIGKILL.
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        if _libc is None:
            return
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return arrange


class Child:
    """A server that runs as our child; not running until `start`, reaped by `stop` and `kill`."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        account: Account | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the child: what to run (never through a shell), its log, and as whom.

        `environment` adds variables to the few that every child gets: a password belongs there,
        since everybody on the machine can read an argument.
        """
        self.name = name
        self.log = log
        self._argv = tuple(argv)
        self._account = account
        self._environment = {**_ENVIRONMENT, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the child lives; reaps it when it has ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The child's process id; StackError when it does not run."""
        if self._process is None or not self.running:
            message = f"{self.name} is not running: start it first"
            raise StackError(message)
        return self._process.pid

    def start(self) -> None:
        """Start the child; a running one stays. StackError when it cannot be executed."""
        if self.running:
            return
        try:
            self._process = _nursery.submit(self._spawn).result()
        except (OSError, subprocess.SubprocessError) as failure:
            message = f"{self.name} cannot be executed ({failure}): run `make setup` again"
            raise StackError(message) from failure

    def wait_ready(self, probe: Callable[[], bool], *, within: float) -> None:
        """Wait until the probe holds; StackError with the last log lines when it does not.

        A child that ended, or is not ready after `within` seconds, is stopped and reaped.
        """
        wait_until(lambda: not self.running or probe(), within=within)
        if self.running and probe():
            return
        how = f"is not ready after {within:.0f} s" if self.running else "ended at its start"
        self.kill()
        message = f"{self.name} {how}: {last_lines(self.log)} (log: {self.log})"
        raise StackError(message)

    def stop(self, *signals: signal.Signals, within: float = 10.0) -> None:
        """Ask the child to end by each signal in turn, `within` seconds each, then kill it."""
        for each in signals or (signal.SIGTERM,):
            self.send(each)
            if wait_until(lambda: not self.running, within=within):
                return
        self.kill()

    def kill(self) -> None:
        """End the child by SIGKILL and reap it; nothing happens when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the child does not run."""
        if self._process is not None:
            self._process.send_signal(number)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._open_log() as log:
            return subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                # Else the terminal's Ctrl-C reaches the server before Grace has drained.
                start_new_session=True,
                # After the change of account, which would clear it.
                preexec_fn=end_with_parent(os.getpid()),  # noqa: PLW1509 - system calls alone
                **self._run_as(),
            )

    def _run_as(self) -> RunAs:
        return self._account.run_as if self._account else {"cwd": "/"}

    def _open_log(self) -> BinaryIO:
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".old.log"))
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return os.fdopen(handle, "ab")
