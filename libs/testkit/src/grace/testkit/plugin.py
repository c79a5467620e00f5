"""The fixtures: `installation` once a session, `house` for each test."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from grace.kit import logs
from grace.stack.datadir import DataDir
from grace.stack.installation import Installation
from grace.testkit.administrator import dismiss_administrator
from grace.testkit.house import House, make_installation, make_template, open_house
from grace.testkit.places import server_folder
from grace.testkit.pools import KeptPools, kept_pools

# New objects before those are looked through, as in a process of a service.
_GARBAGE = 10_000


def pytest_configure() -> None:
    """What a script starts with `&` ignores SIGINT, and so would the processes that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays: no collection of garbage need look at it, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        gc.enable()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """NATS and Postgres of this session, with a migrated template database."""
    logs.configure("info", tmp_path_factory.mktemp("grace") / "grace.log")
    with server_folder() as folder, DataDir(folder / "data") as data:
        made = make_installation(data.path)
        try:
            asyncio.run(make_template(made))
            yield made
        finally:
            dismiss_administrator(made)
            made.postgres.remove()
            made.nats.stop()


@pytest.fixture(scope="session")
async def pools(installation: Installation) -> AsyncIterator[KeptPools]:  # noqa: ARG001 - it outlives them
    """The pools of the session's services, which are closed before its servers stop."""
    async with kept_pools() as kept:
        yield kept


@pytest.fixture
async def house(installation: Installation, pools: KeptPools) -> AsyncIterator[House]:
    """A fresh database and empty streams on the session's servers."""
    async with open_house(installation, pools) as opened:
        yield opened
