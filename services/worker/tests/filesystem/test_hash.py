"""filesystem.hash: a file byte for byte, and nothing outside of the target."""

import os
import signal
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from grace.worker.domain.failure import InvalidError, KernelError
from grace.worker.kernels.filesystem.hash import Hash, HashParams
from grace.worker.kernels.registry import parse_params

Tree = Any


async def seen(tree: Tree, path: str, wanted: str | None = None) -> Any:
    return await Hash().observe(tree.ctx(), HashParams(path=path, sha256=wanted))


async def test_a_file_matches_its_hash_or_does_not(tree: Tree) -> None:
    right = sha256(b"one\ntwo\n").hexdigest()
    found = await seen(tree, "log/app.log", right)
    assert found == {"exists": 1, "matches": 1, "bytes": 8, "sha256": right}
    assert (await seen(tree, "log/app.log", "0" * 64))["matches"] == 0
    assert (await seen(tree, "log/app.log"))["matches"] is None


def test_the_parameters_of_a_plan_are_read() -> None:
    params = parse_params(Hash(), '{"path":"log/app.log","sha256":null}')
    assert params == HashParams(path="log/app.log")
    with pytest.raises(InvalidError):
        parse_params(Hash(), '{"path":"log/app.log","sha256":"ABC"}')


async def test_a_file_that_is_not_there_is_measured_and_matches_nothing(tree: Tree) -> None:
    found = await seen(tree, "log/none", "0" * 64)
    assert (found["exists"], found["matches"]) == (0, 0)


async def test_nothing_but_plain_files_below_the_root_is_opened(tree: Tree) -> None:
    (tree.root / "link").symlink_to(tree.outside / "secret")
    (tree.root / "away").symlink_to(tree.outside)
    os.mkfifo(tree.root / "fifo")
    signal.alarm(5)  # a fifo that is opened would wait for ever
    try:
        for path in ("link", "away/secret", "fifo", "app", "../outside/secret", "/etc/passwd"):
            with pytest.raises((KernelError, ValidationError)):
                await seen(tree, path)
    finally:
        signal.alarm(0)
