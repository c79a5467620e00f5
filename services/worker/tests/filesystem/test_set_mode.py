"""filesystem.set_mode sets the bits of one file and can set them back."""

from typing import Any

import pytest
from pydantic import ValidationError

from grace.worker.domain.failure import BlockedError, ChangedError
from grace.worker.kernels.filesystem.set_mode import SetMode, SetModeParams

Tree = Any
SET = SetMode()
WANTED = SetModeParams(path="log/app.log", mode="640")


async def test_the_bits_are_set_and_come_back(tree: Tree, way: str) -> None:
    log = tree.root / "log/app.log"
    log.chmod(0o400)
    before = await SET.observe(tree.ctx(), WANTED)
    assert (before["mode"], before["mode_bits"]) == ("400", 0o400)
    assert [c.after for c in (await SET.plan(tree.ctx(), WANTED)).changes] == ["640"]
    await SET.apply(tree.ctx(before=before), WANTED)
    assert log.stat().st_mode & 0o7777 == 0o640
    assert (await SET.plan(tree.ctx(), WANTED)).changes == ()
    after = await SET.observe(tree.ctx(), WANTED)
    await SET.apply(tree.ctx(before=before, resumed=True), WANTED)
    await SET.revert(tree.ctx(), WANTED, before, after)
    await SET.revert(tree.ctx(resumed=True), WANTED, before, after)
    assert log.stat().st_mode & 0o7777 == 0o400


async def test_bits_that_somebody_else_set_stay(tree: Tree) -> None:
    log = tree.root / "log/app.log"
    before = await SET.observe(tree.ctx(), WANTED)
    await SET.apply(tree.ctx(before=before), WANTED)
    after = await SET.observe(tree.ctx(), WANTED)
    log.chmod(0o604)
    with pytest.raises(ChangedError):
        await SET.revert(tree.ctx(), WANTED, before, after)
    assert log.stat().st_mode & 0o7777 == 0o604


async def test_another_file_of_that_name_keeps_its_bits(tree: Tree) -> None:
    log = tree.root / "log/app.log"
    before = await SET.observe(tree.ctx(), WANTED)
    log.rename(tree.root / "log/old")
    log.write_text("another\n")
    mode = log.stat().st_mode
    with pytest.raises(ChangedError):
        await SET.apply(tree.ctx(before=before), WANTED)
    assert log.stat().st_mode == mode


@pytest.mark.parametrize("path", ["link-to-secret", "hard-link", "fifo", "device", "log"])
async def test_what_is_no_plain_file_is_refused(trapped: Tree, way: str, path: str) -> None:
    outside = trapped.picture_outside()
    with pytest.raises(BlockedError):
        await SET.observe(trapped.ctx(), SetModeParams(path=path, mode="777"))
    assert trapped.picture_outside() == outside


@pytest.mark.parametrize("mode", ["4755", "0o640", "rwx", "648", "", "64"])
def test_only_three_octal_digits_are_a_mode(mode: str) -> None:
    with pytest.raises(ValidationError):
        SetModeParams(path="log/app.log", mode=mode)
