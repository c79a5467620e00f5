"""filesystem.clear_pycache moves caches and nothing else."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from grace.worker.domain.failure import (
    BlockedError,
    ChangedError,
    PartlyError,
)
from grace.worker.kernels.filesystem import clear_pycache, quarantine, scan
from grace.worker.kernels.filesystem.beneath import opened
from grace.worker.kernels.filesystem.clear_pycache import ClearPycache, ClearPycacheParams
from grace.worker.kernels.filesystem.rotate_log import RotateLog, RotateLogParams
from grace.worker.kernels.filesystem.usage import Usage, UsageParams

Tree = Any
CLEAR, ROTATE, USAGE = ClearPycache(), RotateLog(), Usage()
EVERYWHERE = ClearPycacheParams()
LOG = RotateLogParams(path="log/app.log")


async def test_caches_are_moved_and_come_back_byte_for_byte(tree: Tree) -> None:
    untouched = tree.picture()
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    assert (before["files"], before["bytes"]) == (4, 400)
    assert len((await CLEAR.plan(tree.ctx(), EVERYWHERE)).changes) == 2
    result = await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    assert result["moved"] == ["app/__pycache__", "app/sub/__pycache__"]
    assert not list((tree.root / "app").rglob("*.pyc"))
    assert (tree.root / "app/a.py").exists()
    after = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    assert after["folders"] == []
    await CLEAR.revert(tree.ctx(), EVERYWHERE, before, after)
    assert tree.picture() == untouched


async def test_only_the_path_that_was_asked_for_is_looked_through(tree: Tree) -> None:
    below = ClearPycacheParams(path="app/sub")
    before = await CLEAR.observe(tree.ctx(), below)
    await CLEAR.apply(tree.ctx(before=before), below)
    assert (tree.root / "app/__pycache__").exists()
    assert not (tree.root / "app/sub/__pycache__").exists()


async def test_an_apply_that_was_cut_short_goes_on_from_the_stored_state(tree: Tree) -> None:
    untouched = tree.picture()
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    inode = (tree.root / "app/__pycache__").stat().st_ino
    with (
        opened(PurePosixPath(tree.root)) as root,
        quarantine.quarantine(root, "action-1", create=True) as store,
        root.folder(("app",)) as home,
    ):
        quarantine.move(home, "__pycache__", store, "00000", inode=inode)
    result = await CLEAR.apply(tree.ctx(before=before, resumed=True), EVERYWHERE)
    assert result["moved"] == ["app/__pycache__", "app/sub/__pycache__"]
    after = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    await CLEAR.revert(tree.ctx(), EVERYWHERE, before, after)
    again = await CLEAR.revert(tree.ctx(resumed=True), EVERYWHERE, before, after)
    assert again["restored"] == ["app/__pycache__", "app/sub/__pycache__"]
    assert tree.picture() == untouched


async def test_a_cache_made_since_stops_the_revert(tree: Tree) -> None:
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    after = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    (tree.root / "app/__pycache__").mkdir()
    with pytest.raises(ChangedError):
        await CLEAR.revert(tree.ctx(), EVERYWHERE, before, after)
    with pytest.raises(ChangedError):
        await CLEAR.revert(tree.ctx(resumed=True), EVERYWHERE, before, after)
    assert list((tree.root / quarantine.FOLDER / "action-1").rglob("*.pyc"))


async def test_a_cache_that_is_another_one_by_now_is_not_moved(tree: Tree) -> None:
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    cache = tree.root / "app/__pycache__"
    # Kept aside, so that its inode is not given to the new folder.
    cache.rename(tree.root / "kept")
    cache.mkdir()
    with pytest.raises(ChangedError):
        await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    assert cache.exists()


async def test_a_cache_that_changed_behind_a_moved_one_is_named_and_left_alone(tree: Tree) -> None:
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    cache = tree.root / "app/sub/__pycache__"
    cache.rename(tree.root / "kept")
    cache.mkdir()
    result = await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    assert (result["moved"], result["changed"]) == (["app/__pycache__"], ["app/sub/__pycache__"])
    assert cache.exists()
    after = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    back = await CLEAR.revert(tree.ctx(), EVERYWHERE, before, after)
    assert back["restored"] == ["app/__pycache__"]


async def test_what_stops_it_half_way_tells_that_a_part_was_done(tree: Tree) -> None:
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    (tree.root / "app/sub").rename(tree.root / "kept")
    (tree.root / "app/sub").symlink_to(tree.outside)
    with pytest.raises(PartlyError):
        await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    assert not (tree.root / "app/__pycache__").exists()


async def test_a_cache_that_is_gone_is_a_success(tree: Tree) -> None:
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    shutil.rmtree(tree.root / "app/__pycache__")
    result = await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    assert (result["gone"], result["moved"]) == (["app/__pycache__"], ["app/sub/__pycache__"])


def _symlink_cache(tree: Tree) -> None:
    (tree.root / "evil").mkdir()
    (tree.root / "evil/__pycache__").symlink_to(tree.outside / "__pycache__")


def _symlink_folder(tree: Tree) -> None:
    (tree.root / "evil").symlink_to(tree.outside)


def _symlink_inside_cache(tree: Tree) -> None:
    (tree.root / "app/__pycache__/s.pyc").symlink_to(tree.outside / "secret")


def _hard_link_inside_cache(tree: Tree) -> None:
    os.link(tree.outside / "secret", tree.root / "app/__pycache__/h.pyc")


def _fifo_inside_cache(tree: Tree) -> None:
    os.mkfifo(tree.root / "app/__pycache__/f.pyc")


def _device_inside_cache(tree: Tree) -> None:
    tree.put_device("app/__pycache__/d.pyc")


def _socket_inside_cache(tree: Tree) -> None:
    here = Path.cwd()
    os.chdir(tree.root / "app/__pycache__")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s.pyc")
    os.chdir(here)


def _other_file_inside_cache(tree: Tree) -> None:
    (tree.root / "app/__pycache__/notes.txt").write_text("somebody's work")


def _folder_inside_cache(tree: Tree) -> None:
    (tree.root / "app/__pycache__/deeper.pyc").mkdir()


def _bytes_in_the_name(tree: Tree) -> None:
    folder = os.fsencode(tree.root / "app") + b"/\xff"
    Path(os.fsdecode(folder)).mkdir()
    (tree.root / "app/__pycache__").rename(os.fsdecode(folder + b"/__pycache__"))


TRAPS: list[Callable[[Tree], None]] = [
    _symlink_cache,
    _symlink_folder,
    _symlink_inside_cache,
    _hard_link_inside_cache,
    _fifo_inside_cache,
    _device_inside_cache,
    _socket_inside_cache,
    _other_file_inside_cache,
    _folder_inside_cache,
    _bytes_in_the_name,
]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__.strip("_"))
async def test_nothing_but_plain_caches_is_moved(tree: Tree, trap: Callable[[Tree], None]) -> None:
    trap(tree)
    outside, safe = tree.picture_outside(), "app/sub/__pycache__"
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    result = await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    moved = result["moved"]
    assert isinstance(moved, list)
    assert safe in moved
    assert set(moved) <= {safe, "app/__pycache__"}
    touches_app = trap not in {_symlink_cache, _symlink_folder}
    assert ("app/__pycache__" in moved) != touches_app
    assert bool(before["skipped"]) == touches_app
    assert tree.picture_outside() == outside


async def test_a_name_that_looks_like_a_cache_but_is_a_file_is_left_alone(tree: Tree) -> None:
    (tree.root / "__pycache__").write_text("a file")
    before = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    await CLEAR.apply(tree.ctx(before=before), EVERYWHERE)
    assert (tree.root / "__pycache__").read_text() == "a file"


async def test_more_than_one_action_may_move_is_refused(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAX_FOLDERS", "MAX_FILES", "MAX_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(clear_pycache, name, 1)
            with pytest.raises(BlockedError):
                await CLEAR.observe(tree.ctx(), EVERYWHERE)
    with monkeypatch.context() as patch:
        patch.setattr(scan, "MAX_ENTRIES", 5)
        with pytest.raises(BlockedError):
            await USAGE.observe(tree.ctx(), UsageParams())
