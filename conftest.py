"""The loop that tests run on, and which share a worker: what mostly waits, and what forks, each in a row.

Meanwhile the other workers compute. Spread over all workers they met each other, and two cores
waited with them. And what reads every file of the repository reads it once.
"""

from __future__ import annotations

import importlib.util
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
import uvloop
from _pytest.fixtures import reorder_items
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# The first two leave processors idle and come first. All that fork share the one process that has
# imported every service: to start another takes two seconds of a processor.
LANES = {
    "waiting": ("tests/e2e/test_demo.py", "tests/docs/test_commands.py", "libs/stack/tests/demo/"),
    "forking": (
        "tests/faults/",
        "tests/torture/",
        "tests/torture_verify/",
        "tests/load/",
        "libs/kit/tests/test_life.py",
        "services/worker/tests/running/test_crash.py",
    ),
    "reading": ("tests/architecture/",),
}
FIRST = ("waiting", "forking")

# httpcore tries to import it anew for every request, and looks for it in every folder in vain.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# Two cores that others work on as well take longer for an example than any deadline would allow.
settings.register_profile("grace", deadline=None, max_examples=50)
settings.load_profile("grace")


class Lanes(LoadFileScheduling):
    """A file to a worker, and all of a lane to one."""

    def _split_scope(self, nodeid: str) -> str:
        return _lane_of(nodeid) or super()._split_scope(nodeid)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], AbstractEventLoop]]:
    """The loop that services run on."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Take the place of --dist."""
    return Lanes(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let workers begin to collect at different folders: what one has compiled the others only read."""
    worker, roots = getattr(session.config, "workerinput", None), _roots(session.config)
    if worker is not None and session.config.args == roots:
        first = int(worker["workerid"].removeprefix("gw")) % len(roots)
        session.config.args = roots[first:] + roots[:first]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """What takes longest begins first; every worker counts the tests in the same order."""
    places = {root: place for place, root in enumerate(_roots(config))}
    items.sort(
        key=lambda item: (
            _turn_of(_lane_of(item.nodeid)),
            places.get(item.nodeid.partition("/")[0], len(places)),
        )
    )
    collected = list(items)
    try:
        return (yield)
    finally:
        items[:] = _whole_files(collected, set(items))


def _whole_files(collected: list[pytest.Item], chosen: set[pytest.Item]) -> Iterator[pytest.Item]:
    """What shares a fixture is in a row, but in its file alone: all on servers share the loop."""
    for _, file in groupby(collected, lambda item: item.nodeid.partition("::")[0]):
        yield from reorder_items([item for item in file if item in chosen])


def _roots(config: pytest.Config) -> list[str]:
    return list(config.getini("testpaths"))


def _turn_of(lane: str | None) -> int:
    return FIRST.index(lane) if lane in FIRST else len(FIRST)


def _lane_of(nodeid: str) -> str | None:
    return next((lane for lane, starts in LANES.items() if nodeid.startswith(starts)), None)
