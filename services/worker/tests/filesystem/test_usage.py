"""filesystem.usage counts, and blocking work ends when it is told to."""

import asyncio
import threading
from typing import Any

import pytest

from grace.worker.domain.failure import (
    NotNowError,
)
from grace.worker.kernels.filesystem.beneath import Root, opened
from grace.worker.kernels.filesystem.clear_pycache import ClearPycache, ClearPycacheParams
from grace.worker.kernels.filesystem.rotate_log import RotateLog, RotateLogParams
from grace.worker.kernels.filesystem.scan import Scan
from grace.worker.kernels.filesystem.threads import Stop, in_thread
from grace.worker.kernels.filesystem.usage import Usage, UsageParams

Tree = Any
CLEAR, ROTATE, USAGE = ClearPycache(), RotateLog(), Usage()
EVERYWHERE = ClearPycacheParams()
LOG = RotateLogParams(path="log/app.log")


async def test_usage_counts_what_lies_below(trapped: Tree) -> None:
    seen = await USAGE.observe(trapped.ctx(), UsageParams())
    # a hard link to what lies outside is a file here, too
    assert (seen["files"], seen["bytes"]) == (7, 400 + 8 + 8 + 7)
    # six links, a fifo, a device and a socket
    assert seen["others"] == 9
    assert isinstance(seen["free_bytes"], int)
    assert (await USAGE.plan(trapped.ctx(), UsageParams())).changes == ()


async def test_a_file_of_several_names_is_neither_nothing_nor_more_than_it_is(tree: Tree) -> None:
    before = await USAGE.observe(tree.ctx(), UsageParams())
    (tree.root / "first").write_bytes(b"x" * 5000)
    for name in ("second", "app/third"):
        (tree.root / name).hardlink_to(tree.root / "first")
    seen = await USAGE.observe(tree.ctx(), UsageParams())
    grown = {name: seen[name] - before[name] for name in ("files", "others", "bytes")}
    assert grown == {"files": 3, "others": 0, "bytes": 5000}


async def test_what_could_not_be_looked_into_is_not_counted_as_nothing(tree: Tree) -> None:
    deep = tree.root.joinpath(*["deeper"] * 70)
    deep.mkdir(parents=True)
    (deep / "full").write_bytes(b"x" * 1000)
    seen = await USAGE.observe(tree.ctx(), UsageParams())
    assert [seen[name] for name in ("files", "folders", "others", "bytes")] == [None] * 4
    assert [each["reason"] for each in seen["skipped"]] == ["too deep"]
    caches = await CLEAR.observe(tree.ctx(), EVERYWHERE)
    assert (caches["files"], caches["bytes"]) == (None, None)


async def test_a_folder_that_is_closed_to_the_worker_is_not_counted_as_nothing(tree: Tree) -> None:
    (tree.root / "closed").mkdir()

    def count(root: Root) -> Scan:
        scan = Scan(Stop())
        for entry in scan.walk(root.fd, (), lambda *_: True):
            if entry.path == ("closed",):  # a link in its place is refused to everybody alike
                (tree.root / "closed").rmdir()
                (tree.root / "closed").symlink_to("/")
        return scan

    with opened(tree.root) as root:
        scan = count(root)
    assert (scan.is_whole, scan.number(7)) == (False, None)
    assert scan.skipped[0][0] == "closed"


async def test_usage_of_a_sparse_file_reads_nothing(tree: Tree) -> None:
    with (tree.root / "sparse").open("wb") as file:
        file.truncate(10**12)
    seen = await USAGE.observe(tree.ctx(), UsageParams())
    assert seen["bytes"] == 10**12 + 400 + 8 + 8


async def test_a_cancelled_operation_ends_between_two_files() -> None:
    stop = Stop()
    stop.check()
    stop.set()
    with pytest.raises(NotNowError):
        stop.check()


async def test_cancellation_returns_only_when_the_thread_has_ended() -> None:
    begun, ended = threading.Event(), []

    def work(stop: Stop) -> None:
        begun.set()
        while True:
            try:
                stop.check()
            except NotNowError:
                ended.append(True)
                raise

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended
