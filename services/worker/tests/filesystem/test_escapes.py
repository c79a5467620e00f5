"""Whatever a path says and whoever races: nothing outside the root is touched."""

import contextlib
import itertools
import os
import threading
from pathlib import PurePosixPath
from typing import Any

import pytest

from grace.worker.domain.failure import (
    BlockedError,
    KernelError,
    UnusableError,
)
from grace.worker.domain.state import State
from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem import quarantine
from grace.worker.kernels.filesystem.clear_pycache import ClearPycache, ClearPycacheParams
from grace.worker.kernels.filesystem.rotate_log import RotateLog, RotateLogParams
from grace.worker.kernels.filesystem.usage import Usage, UsageParams
from grace.worker.kernels.operation import Context, Role

Tree = Any
CLEAR, ROTATE, USAGE = ClearPycache(), RotateLog(), Usage()
EVERYWHERE = ClearPycacheParams()
LOG = RotateLogParams(path="log/app.log")


ESCAPES = [
    "..",
    "../outside/secret",
    "app/../../outside/secret",
    "/etc/passwd",
    "//etc/passwd",
    "./log/app.log",
    "log/./app.log",
    "log//app.log",
    "log/app.log/",
    "",
    "log/app.log\x00",
    "log\n/app.log",
    "log/\u202egol.ppa",
    "a" * 256,
    "/".join(["a"] * 100),
    ".grace-quarantine",
    ".grace-quarantine/action-1/log",
]
LINKS = [
    "link-to-secret",
    "link-to-outside/secret",
    "link-to-root/etc/passwd",
    "proc-root/etc/passwd",
    "loop",
    "log/link-up/outside/secret",
    "hard-link",
    "fifo",
    "device",
    "socket",
    "log",
    "missing",
    "log/app.log/below",
]


@pytest.mark.parametrize("path", ESCAPES + LINKS, ids=repr)
async def test_no_path_leads_out_of_the_root(trapped: Tree, way: str, path: str) -> None:
    outside = trapped.picture_outside()
    params = RotateLogParams.model_construct(path=path)
    state: State = {"path": path, "bytes": 7, "inode": (trapped.outside / "secret").stat().st_ino}
    with pytest.raises(KernelError):
        await ROTATE.observe(trapped.ctx(), params)
    if path != "hard-link":  # whose inode is the one outside
        with pytest.raises(KernelError):
            await ROTATE.apply(trapped.ctx(before=state), params)
    folder = UsageParams.model_construct(path=path)
    if path != "log":
        with pytest.raises(KernelError):
            await USAGE.observe(trapped.ctx(), folder)
    assert trapped.picture_outside() == outside


@pytest.mark.parametrize("path", ESCAPES, ids=repr)
def test_a_path_that_is_not_plain_is_refused_when_it_is_planned(path: str) -> None:
    for model in (RotateLogParams, UsageParams, ClearPycacheParams):
        with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own
            model.model_validate({"path": path})


@pytest.mark.parametrize("key", ["", ".", "..", ".x", "a/b", "a\n", "x" * 129])
async def test_an_action_id_is_no_path(tree: Tree, key: str) -> None:
    before = await ROTATE.observe(tree.ctx(), LOG)
    with pytest.raises(BlockedError):
        await ROTATE.apply(tree.ctx(key, before=before), LOG)
    assert (tree.root / "log/app.log").read_text() == "one\ntwo\n"


async def test_a_quarantine_that_is_a_link_or_open_to_others_is_not_used(tree: Tree) -> None:
    before = await ROTATE.observe(tree.ctx(), LOG)
    store = tree.root / quarantine.FOLDER
    store.symlink_to(tree.outside)
    with pytest.raises(BlockedError):
        await ROTATE.apply(tree.ctx(before=before), LOG)
    store.unlink()
    (store / "action-1").mkdir(parents=True, mode=0o777)
    (store / "action-1").chmod(0o777)
    with pytest.raises(BlockedError):
        await ROTATE.apply(tree.ctx(before=before), LOG)
    assert (tree.root / "log/app.log").read_text() == "one\ntwo\n"


async def test_a_folder_swapped_for_a_link_again_and_again_lets_nothing_out(
    tree: Tree, way: str
) -> None:
    (tree.outside / "app.log").write_text("outside\n")
    (tree.root / "evil").symlink_to(tree.outside)
    outside, stop = tree.picture_outside(), threading.Event()

    def swap() -> None:
        root = os.open(tree.root, os.O_PATH)
        while not stop.is_set():
            quarantine._rename(root, "log", root, "evil", quarantine._EXCHANGE)
        os.close(root)

    racer = threading.Thread(target=swap)
    racer.start()
    rotated, numbers = 0, itertools.count()
    try:
        while (number := next(numbers)) < 300 or not rotated:
            with contextlib.suppress(KernelError):
                before = await ROTATE.observe(tree.ctx(), LOG)
                await ROTATE.apply(tree.ctx(f"race-{number}", before=before), LOG)
                rotated += 1
    finally:
        stop.set()
        racer.join()
    assert tree.picture_outside() == outside


async def test_a_root_that_is_missing_or_a_link_is_not_used(tree: Tree) -> None:
    for root in (tree.root / "missing", tree.root / "link"):
        if root.name == "link":
            root.symlink_to(tree.outside)
        target = FilesystemTarget("files", "demo", PurePosixPath(root))
        with pytest.raises(UnusableError):
            await USAGE.observe(Context(target, Role.OBSERVE), UsageParams())
