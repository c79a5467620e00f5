"""The fixtures: `installation` once a session, `house` for each test."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from grace.kit import logs
from grace.stack.datadir import DataDir
from grace.stack.installation import Installation
from grace.testkit.house import House, make_installation, make_template, open_house


def pytest_configure() -> None:
    """What a script starts with `&` ignores SIGINT, and so would the processes that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """NATS and Postgres of this session, with a migrated template database."""
    folder = tmp_path_factory.mktemp("grace")
    logs.configure("info", folder / "grace.log")
    with DataDir(folder / "data") as data:
        made = make_installation(data.path)
        try:
            asyncio.run(make_template(made))
            yield made
        finally:
            made.postgres.remove()
            made.nats.stop()


@pytest.fixture
async def house(installation: Installation) -> AsyncIterator[House]:
    """A fresh database and empty streams on the session's servers."""
    async with open_house(installation) as opened:
        yield opened
