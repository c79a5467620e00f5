"""The folders of servers under test."""

import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from grace.testkit import server_folder

_NOBODY = 2**22 + 1  # more than Linux counts


def test_servers_lie_in_memory_where_there_is_room_and_leave_nothing(tmp_path: Path) -> None:
    with server_folder(tmp_path) as folder:
        (folder / "store").mkdir()
        assert folder.parent == tmp_path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    assert list(tmp_path.iterdir()) == []


def test_servers_lie_on_the_disk_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = SimpleNamespace(free=64 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: little)
    with server_folder(tmp_path) as folder:
        assert folder.parent != tmp_path
    assert not folder.exists()


def test_what_a_killed_run_left_is_removed_and_another_runs_stays(tmp_path: Path) -> None:
    left, other = tmp_path / f"grace-tests-{_NOBODY}-x", tmp_path / f"grace-tests-{os.getpid()}-y"
    left.mkdir()
    other.mkdir()
    with server_folder(tmp_path):
        assert not left.exists()
    assert other.is_dir()
