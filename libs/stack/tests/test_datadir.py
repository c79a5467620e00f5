"""The data directory: private, one holder, errors that say what to do."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grace.client.cli import build
from grace.stack.datadir import DataDir
from grace.stack.errors import StackError
from grace.stack.ports import free_port

HOLD = """
import signal, sys
from grace.stack.datadir import DataDir
DataDir(sys.argv[1]).acquire()
print("held", flush=True)
signal.pause()
"""


def mode(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A directory that is not there yet."""
    return tmp_path / "new" / "data"


def test_what_is_not_there_is_not_migrated(path: Path) -> None:
    ended = CliRunner().invoke(build(), ["migrate", "--data-dir", str(path)])
    assert (ended.exit_code, "holds no Grace" in ended.stderr) == (1, True)
    assert not path.exists()


@pytest.mark.parametrize("command", ["doctor", "migrate", "up"])
def test_the_home_of_nobody_is_told_in_one_line(command: str) -> None:
    port = ["--port", str(free_port())] if command == "up" else []
    asked = [command, *port, "--data-dir", "~nobody-has-this-name/grace"]
    ended = CliRunner().invoke(build(), asked)
    said = "grace: ~nobody-has-this-name/grace names the home of nobody here: "
    assert (ended.exit_code, ended.stderr.startswith(said)) == (1, True)
    assert ended.stderr.count("\n") == 1


def test_nobody_else_can_list_or_write_it(path: Path) -> None:
    with DataDir(path):
        assert mode(path) & 0o066 == 0
        assert mode(path / "lock") == 0o600


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "make room"), (errno.EACCES, "that this account owns")],
)
def test_a_disk_that_takes_no_more_is_told_with_what_to_do(
    path: Path, number: int, advice: str
) -> None:
    with pytest.raises(StackError, match=f"{path}.* cannot be written .*{advice}"), DataDir(path):
        raise OSError(number, os.strerror(number))
    DataDir(path).acquire()


def test_a_lock_that_cannot_be_written_is_told_and_not_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        with pytest.raises(StackError, match="make room"):
            DataDir(path).acquire()
    DataDir(path).acquire()


def test_another_error_of_the_system_stays_what_it_is(path: Path) -> None:
    with pytest.raises(ConnectionRefusedError), DataDir(path):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")


def test_its_folders_are_private_and_kept(path: Path) -> None:
    with DataDir(path) as held:
        held.folder("keys").joinpath("x").touch()
        assert mode(held.folder("keys")) == 0o700
        assert (path / "keys" / "x").exists()


def test_a_second_start_is_told_who_holds_it(path: Path) -> None:
    with DataDir(path), pytest.raises(StackError) as refused:
        DataDir(path).acquire()
    assert f"{path} is in use by process {os.getpid()} (" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_it_is_free_again_after_its_release(path: Path) -> None:
    held = DataDir(path)
    held.acquire()
    held.acquire()
    held.release()
    held.release()
    assert not held.holder()
    with DataDir(path):
        pass


def test_a_killed_holder_leaves_it_free(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StackError, match=f"process {other.pid} "):
            DataDir(path).acquire()
        other.send_signal(signal.SIGKILL)
    with DataDir(path):
        assert f"process {os.getpid()} " in DataDir(path).holder()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot be written .* name a data directory"):
        DataDir(tmp_path / "file" / "data").acquire()
