"""Ports: free ones are found, remembered while free, and a taken one is named."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from grace.stack.errors import StackError
from grace.stack.ports import LOOPBACK, accepts, free_port, is_free, settle_port


@pytest.fixture
def taken() -> Iterator[int]:
    """A port somebody listens on while the test runs."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_ports_that_are_asked_for_together_differ() -> None:
    for _ in range(50):
        ports = [free_port() for _ in range(100)]
        assert len(set(ports)) == 100


def test_a_free_port_lies_outside_the_ephemeral_range() -> None:
    port = free_port()
    assert is_free(port)
    assert port < 32_768
    assert not accepts(port)


def test_a_listened_port_is_not_free(taken: int) -> None:
    assert not is_free(taken)
    assert accepts(taken)


def test_a_port_is_remembered_while_it_is_free(tmp_path: Path) -> None:
    memory = tmp_path / "x.port"
    first = settle_port(memory, None)
    assert settle_port(memory, None) == first


@pytest.mark.parametrize("text", ["", "none", "0", "70000"])
def test_a_spoilt_memory_is_replaced(tmp_path: Path, text: str) -> None:
    memory = tmp_path / "x.port"
    memory.write_text(text)
    port = settle_port(memory, None)
    assert is_free(port)
    assert int(memory.read_text()) == port


def test_a_remembered_port_that_is_taken_is_given_up(tmp_path: Path, taken: int) -> None:
    memory = tmp_path / "x.port"
    memory.write_text(str(taken))
    assert settle_port(memory, None) != taken


def test_a_wanted_port_that_is_taken_is_named(tmp_path: Path, taken: int) -> None:
    with pytest.raises(StackError, match=f"port {taken} is taken: stop what listens there"):
        settle_port(tmp_path / "x.port", taken)


def test_two_ports_of_one_server_differ(tmp_path: Path) -> None:
    port = settle_port(tmp_path / "a.port", None)
    (tmp_path / "b.port").write_text(str(port))
    assert settle_port(tmp_path / "b.port", None, beside=port) != port
    with pytest.raises(StackError, match="is taken"):
        settle_port(tmp_path / "b.port", port, beside=port)
