"""`make setup` as it is run, on a .venv whose Python and uv are programs of the test."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "deploy" / "local" / "setup.py"
KILL = "kill -9 $PPID"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with a .venv that is there already."""
    (tmp_path / "deploy" / "local").mkdir(parents=True)
    shutil.copy(PROGRAM, tmp_path / "deploy" / "local")
    (tmp_path / "requirements").mkdir()
    for lock in ("bootstrap", "dev"):
        (tmp_path / "requirements" / f"{lock}.lock").touch()
    program(tmp_path, "python", "exit 0")
    program(tmp_path, "uv", "exit 0")
    return tmp_path


def program(folder: Path, name: str, line: str) -> None:
    file = folder / ".venv" / "bin" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{line}\n", encoding="ascii")
    file.chmod(0o755)


def set_up(folder: Path) -> int:
    command = [sys.executable, "-E", "-s", str(folder / "deploy" / "local" / "setup.py")]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode


def module(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup", folder / "deploy" / "local" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_what_a_killed_set_up_left_is_neither_taken_for_finished_nor_kept(folder: Path) -> None:
    assert set_up(folder) == 0
    setup, lock = module(folder), folder / "requirements" / "dev.lock"
    assert setup.up_to_date()
    assert setup.usable(dict(os.environ))

    lock.write_text("another==1.0\n", encoding="ascii")
    program(folder, "uv", KILL)
    assert set_up(folder) == -signal.SIGKILL
    lock.write_text("", encoding="ascii")  # what the .venv was once made from

    assert not setup.up_to_date()
    assert not setup.usable(dict(os.environ))


def test_a_set_up_waits_for_what_a_killed_one_has_started(folder: Path) -> None:
    os.mkfifo(folder / "end")
    program(folder, "uv", f"{KILL}; read line < '{folder / 'end'}'")
    assert set_up(folder) == -signal.SIGKILL

    lock = os.open(folder, os.O_RDONLY)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        (folder / "end").write_text("end\n", encoding="ascii")
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.close(lock)
