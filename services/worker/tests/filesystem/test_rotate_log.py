"""filesystem.rotate_log exchanges a log and can exchange it back."""

import os
from typing import Any

import pytest

from grace.worker.domain.failure import (
    ChangedError,
)
from grace.worker.kernels.filesystem import quarantine
from grace.worker.kernels.filesystem.clear_pycache import ClearPycache, ClearPycacheParams
from grace.worker.kernels.filesystem.rotate_log import RotateLog, RotateLogParams
from grace.worker.kernels.filesystem.usage import Usage

Tree = Any
CLEAR, ROTATE, USAGE = ClearPycache(), RotateLog(), Usage()
EVERYWHERE = ClearPycacheParams()
LOG = RotateLogParams(path="log/app.log")


async def test_a_log_is_exchanged_and_comes_back(tree: Tree, way: str) -> None:
    log = tree.root / "log/app.log"
    log.chmod(0o640)
    os.chown(log, 65534, 65534) if os.geteuid() == 0 else None
    old, untouched = log.stat(), tree.picture()
    before = await ROTATE.observe(tree.ctx(), LOG)
    assert before["bytes"] == 8
    assert (await ROTATE.plan(tree.ctx(), LOG)).changes[0].resource == "log/app.log"
    with log.open("a") as writer:
        await ROTATE.apply(tree.ctx(before=before), LOG)
        writer.write("three\n")
    new = log.stat()
    assert (new.st_size, new.st_uid, new.st_gid, new.st_mode) == (
        0,
        old.st_uid,
        old.st_gid,
        old.st_mode,
    )
    kept = tree.root / quarantine.FOLDER / "action-1/log"
    assert kept.read_text() == "one\ntwo\nthree\n"
    after = await ROTATE.observe(tree.ctx(), LOG)
    await ROTATE.revert(tree.ctx(), LOG, before, after)
    assert log.read_text() == "one\ntwo\nthree\n"
    assert log.stat().st_ino == old.st_ino
    assert tree.picture().keys() == untouched.keys()
    await ROTATE.revert(tree.ctx(resumed=True), LOG, before, after)
    assert log.read_text() == "one\ntwo\nthree\n"


async def test_rotating_twice_under_one_action_rotates_once(tree: Tree) -> None:
    before = await ROTATE.observe(tree.ctx(), LOG)
    await ROTATE.apply(tree.ctx(before=before), LOG)
    (tree.root / "log/app.log").write_text("new\n")
    await ROTATE.apply(tree.ctx(before=before, resumed=True), LOG)
    assert (tree.root / "log/app.log").read_text() == "new\n"


async def test_a_log_that_was_written_to_since_stops_the_revert(tree: Tree) -> None:
    before = await ROTATE.observe(tree.ctx(), LOG)
    await ROTATE.apply(tree.ctx(before=before), LOG)
    after = await ROTATE.observe(tree.ctx(), LOG)
    (tree.root / "log/app.log").write_text("new\n")
    with pytest.raises(ChangedError):
        await ROTATE.revert(tree.ctx(), LOG, before, after)
    assert (tree.root / "log/app.log").read_text() == "new\n"


async def test_a_log_that_was_replaced_since_it_was_observed_is_left_alone(tree: Tree) -> None:
    before = await ROTATE.observe(tree.ctx(), LOG)
    log = tree.root / "log/app.log"
    log.rename(tree.root / "log/app.log.1")
    log.write_text("another\n")
    with pytest.raises(ChangedError):
        await ROTATE.apply(tree.ctx(before=before), LOG)
    assert log.read_text() == "another\n"
    log.unlink()
    with pytest.raises(ChangedError):
        await ROTATE.apply(tree.ctx(before=before), LOG)


async def test_a_log_swapped_for_a_link_at_the_last_moment_stays_where_it_is(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await ROTATE.observe(tree.ctx(), LOG)
    log, rename = tree.root / "log/app.log", quarantine._rename
    swapped: list[bool] = []

    def swap_first(*args: object) -> None:
        if not swapped:
            swapped.append(True)
            log.rename(tree.root / "log/kept")
            log.symlink_to(tree.outside / "secret")
        rename(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(quarantine, "_rename", swap_first)
    with pytest.raises(ChangedError):
        await ROTATE.apply(tree.ctx(before=before), LOG)
    assert log.is_symlink()
    assert (tree.outside / "secret").read_text() == "secret\n"


async def test_a_log_that_is_replaced_at_every_moment_keeps_its_newest_version(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    log, rename, versions = tree.root / "log/app.log", quarantine._rename, iter((1, 2, 3))
    before = await ROTATE.observe(tree.ctx(), LOG)

    def raced(*args: Any) -> None:
        """The program replaces its log right before each of the first exchanges."""
        if number := next(versions, None):
            (tree.root / "log/new").write_text(f"version {number}")
            (tree.root / "log/new").rename(log)
        rename(*args)

    monkeypatch.setattr(quarantine, "_rename", raced)
    with pytest.raises(ChangedError, match="at this very moment"):
        await ROTATE.apply(tree.ctx(before=before), LOG)
    assert log.read_text() == "version 3"
