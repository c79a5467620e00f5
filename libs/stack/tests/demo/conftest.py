"""One target for all tests of the demonstration: making one takes a second or two."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grace.stack.demo.target import Target


@pytest.fixture(scope="session")
def made_target() -> Iterator[Target]:
    """A target that runs; tests leave it as they found it."""
    with tempfile.TemporaryDirectory(prefix="grace-target-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        target = Target(Path(folder))
        try:
            target.start()
            asyncio.run(target.prepare())
            yield target
        finally:
            target.remove()


@pytest.fixture
async def target(made_target: Target) -> Target:
    """The target in its healthy state, with nobody connected."""
    await made_target.prepare()
    return made_target
