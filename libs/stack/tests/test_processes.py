"""Child servers: ready or explained, stopped in time, reaped, never orphaned."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grace.stack.errors import StackError
from grace.stack.leftovers import alive, end_leftover, serves
from grace.stack.processes import Child, last_lines

PARENT = """
import os, signal, sys
from pathlib import Path
from grace.stack.processes import Child
child = Child("sleep", ["sleep", "600"], log=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
signal.pause()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
Eventually = Callable[[Callable[[], bool]], None]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where a child writes."""
    return tmp_path / "child.log"


def never() -> bool:
    """Answer as the probe of a server that does not come up."""
    return False


def test_it_stops_when_asked_and_is_reaped(log: Path) -> None:
    child = Child("sleep", ["sleep", "600"], log=log)
    child.start()
    pid = child.pid
    child.start()
    assert child.pid == pid
    child.stop()
    assert not child.running
    assert not Path(f"/proc/{pid}").exists()
    child.stop()


def test_a_deaf_one_is_killed(log: Path) -> None:
    child = Child("deaf", [sys.executable, "-c", DEAF], log=log)
    child.start()
    child.wait_ready(lambda: "up" in last_lines(log), within=10)
    child.stop(signal.SIGTERM, within=0.1)
    assert not child.running


def test_its_end_at_the_start_is_explained_by_its_log(log: Path) -> None:
    child = Child("shop", [sys.executable, "-c", "raise SystemExit('no till')"], log=log)
    child.start()
    with pytest.raises(StackError, match=r"shop ended at its start: .*no till .*child\.log"):
        child.wait_ready(never, within=10)


def test_one_that_is_never_ready_is_ended(log: Path) -> None:
    child = Child("sleep", ["sleep", "600"], log=log)
    child.start()
    with pytest.raises(StackError, match="sleep is not ready after 0 s"):
        child.wait_ready(never, within=0.05)
    assert not child.running


def test_what_is_not_there_cannot_be_executed(log: Path) -> None:
    with pytest.raises(StackError, match="cannot be executed"):
        Child("ghost", ["/no/such/program"], log=log).start()


def test_it_has_no_pid_before_its_start(log: Path) -> None:
    with pytest.raises(StackError, match="not running: start it first"):
        _ = Child("sleep", ["sleep", "600"], log=log).pid


def test_it_has_its_own_session_place_and_environment(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    show = "import os; print(os.getsid(0) == os.getpid(), os.getcwd(), 'PGPORT' in os.environ)"
    child = Child("show", [sys.executable, "-c", show], log=log)
    child.start()
    with pytest.raises(StackError, match="True / False"):
        child.wait_ready(never, within=10)


def test_a_long_log_is_set_aside(log: Path) -> None:
    log.write_bytes(b"x" * (8 * 1024 * 1024 + 1))
    child = Child("sleep", ["sleep", "600"], log=log)
    child.start()
    child.stop()
    assert log.stat().st_size == 0
    assert log.with_suffix(".old.log").exists()


def test_it_dies_with_its_parent(log: Path, eventually: Eventually) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(log)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    eventually(lambda: not alive(pid))


def test_a_leftover_is_ended_and_a_stranger_is_not(log: Path) -> None:
    child = Child("sleep", ["sleep", "600"], log=log)
    child.start()
    end_leftover("sleep", child.pid, Path("/else"), signal.SIGKILL)
    assert child.running
    assert serves(child.pid, Path("600"))
    end_leftover("sleep", child.pid, Path("600"), signal.SIGINT)
    assert not child.running


def test_a_zombie_does_not_live() -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(ended.pid)
