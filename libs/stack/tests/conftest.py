"""Real servers on a data directory that the unprivileged account can reach, and one it cannot."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grace.stack.processes import wait_until
from grace.testkit import server_folder


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that everybody can pass; pytest's own tmp_path is private."""
    with server_folder() as folder:
        yield folder


@pytest.fixture
def private_data(tmp_path: Path) -> Path:
    """A data directory under a folder that only its owner can pass."""
    parent = tmp_path / "private"
    parent.mkdir(mode=0o700)
    folder = parent / "data"
    folder.mkdir(mode=0o711)
    return folder


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Assert that a condition holds within ten seconds."""

    def check(condition: Callable[[], bool]) -> None:
        assert wait_until(condition, within=10.0)

    return check
