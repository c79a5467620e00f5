"""Which tests share a worker: those that mostly wait for a target run one after another.

Beside them the other workers compute. Spread over all workers they met each other, and two cores
waited with them. And what reads every file of the repository reads it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer

WAITING = (
    "tests/faults/",
    "tests/torture/",
    "tests/torture_verify/",
    "tests/e2e/test_demo.py",
    "tests/docs/test_commands.py",
    "libs/stack/tests/demo/",
)
READING = "tests/architecture/"


class TwoLanes(LoadFileScheduling):
    """A file to a worker, all that wait to one, and all that read every file to one."""

    def _split_scope(self, nodeid: str) -> str:
        if _waits(nodeid):
            return "waiting"
        return "reading" if nodeid.startswith(READING) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TwoLanes:
    """Take the place of --dist."""
    return TwoLanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not _waits(item.nodeid))


def _waits(nodeid: str) -> bool:
    return nodeid.startswith(WAITING)
