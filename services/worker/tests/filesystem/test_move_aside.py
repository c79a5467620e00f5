"""filesystem.move_aside takes one file away and can bring it back."""

import os
from typing import Any

import pytest

from grace.worker.domain.failure import BlockedError, ChangedError
from grace.worker.kernels.filesystem import quarantine
from grace.worker.kernels.filesystem.move_aside import MoveAside, MoveAsideParams

Tree = Any
MOVE = MoveAside()
LOG = MoveAsideParams(path="log/app.log")


async def test_a_file_is_moved_and_comes_back(tree: Tree, way: str) -> None:
    log, untouched = tree.root / "log/app.log", tree.picture()
    inode = log.stat().st_ino
    before = await MOVE.observe(tree.ctx(), LOG)
    assert (before["present"], before["bytes"]) == (1, 8)
    assert (await MOVE.plan(tree.ctx(), LOG)).changes[0].resource == "log/app.log"
    await MOVE.apply(tree.ctx(before=before), LOG)
    log.write_text("new\n")  # of somebody who came after the first attempt
    await MOVE.apply(tree.ctx(before=before, resumed=True), LOG)
    assert log.read_text() == "new\n"
    log.unlink()
    kept = tree.root / quarantine.FOLDER / "action-1/file"
    assert kept.read_text() == "one\ntwo\n"
    after = await MOVE.observe(tree.ctx(), LOG)
    assert after["present"] == 0
    await MOVE.revert(tree.ctx(), LOG, before, after)
    await MOVE.revert(tree.ctx(resumed=True), LOG, before, after)
    assert tree.picture() == untouched
    assert log.stat().st_ino == inode


async def test_a_file_made_since_stops_the_revert(tree: Tree) -> None:
    log = tree.root / "log/app.log"
    before = await MOVE.observe(tree.ctx(), LOG)
    await MOVE.apply(tree.ctx(before=before), LOG)
    after = await MOVE.observe(tree.ctx(), LOG)
    log.write_text("new\n")
    for resumed in (False, True):
        with pytest.raises(ChangedError):
            await MOVE.revert(tree.ctx(resumed=resumed), LOG, before, after)
    assert log.read_text() == "new\n"


async def test_another_file_of_that_name_stays(tree: Tree) -> None:
    log = tree.root / "log/app.log"
    before = await MOVE.observe(tree.ctx(), LOG)
    log.rename(tree.root / "log/old")
    log.write_text("another\n")
    with pytest.raises(ChangedError):
        await MOVE.apply(tree.ctx(before=before), LOG)
    assert log.read_text() == "another\n"


async def test_a_file_that_got_the_inode_of_the_one_that_was_seen_stays(tree: Tree) -> None:
    lock = tree.root / "log/app.log"
    before = await MOVE.observe(tree.ctx(), LOG)
    lock.unlink()
    lock.write_text(
        "two\none\n"
    )  # of the same length; most file systems give it the same inode, too
    os.utime(lock, (1, 1))  # the clock of files may stand still for milliseconds
    seen = {**before, "inode": lock.stat().st_ino}
    with pytest.raises(ChangedError):
        await MOVE.apply(tree.ctx(before=seen), LOG)
    assert lock.read_text() == "two\none\n"
    # A state that was stored before it told when the file was written says nothing of that.
    old = {name: value for name, value in seen.items() if name != "written"}
    assert await MOVE.apply(tree.ctx(before=old), LOG) == {"moved": "log/app.log"}


async def test_what_is_not_there_is_no_change(tree: Tree) -> None:
    nothing = MoveAsideParams(path="log/none")
    before = await MOVE.observe(tree.ctx(), nothing)
    assert (await MOVE.plan(tree.ctx(), nothing)).changes == ()
    untouched = tree.picture()
    assert await MOVE.apply(tree.ctx(before=before), nothing) == {"moved": None}
    after = await MOVE.observe(tree.ctx(), nothing)
    assert await MOVE.revert(tree.ctx(), nothing, before, after) == {"restored": None}
    assert tree.picture() == untouched


@pytest.mark.parametrize("path", ["link-to-secret", "hard-link", "fifo", "device", "log"])
async def test_what_is_no_plain_file_stays(trapped: Tree, way: str, path: str) -> None:
    with pytest.raises(BlockedError):
        await MOVE.observe(trapped.ctx(), MoveAsideParams(path=path))
