"""Free TCP ports on the loopback address, kept between starts."""

import random
import socket
from collections import deque
from pathlib import Path

from grace.stack.errors import StackError

LOOPBACK = "127.0.0.1"
# Below the kernel's ephemeral range (32768 up): while a server is down, an outgoing
# connection must not be able to take the port that its clients come back to.
_LOWEST, _HIGHEST = 20_000, 32_000
_TRIES = 200
# Of two that are asked for before either is in use, both are free, and must differ.
_given_lately: deque[int] = deque(maxlen=100)
_PORTS = range(1, 65_536)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Tell whether somebody accepts connections on the loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Find a free loopback port outside the kernel's ephemeral range.

    Raises StackError when 200 tries in a row were taken.
    """
    dice = random.SystemRandom()
    for _ in range(_TRIES):
        port = dice.randint(_LOWEST, _HIGHEST)
        if port not in _given_lately and is_free(port):
            _given_lately.append(port)
            return port
    message = f"no free port between {_LOWEST} and {_HIGHEST}: stop some servers, or name a port"
    raise StackError(message)


def settle_port(memory: Path, wanted: int | None, *, beside: int | None = None) -> int:
    """Choose a server's port, other than `beside`, and write it into the file `memory`.

    The wanted port, if one is named; else the remembered one while it is free; else a new one.
    Raises StackError when the wanted port is taken.
    """
    if wanted is not None and (wanted == beside or not is_free(wanted)):
        message = f"port {wanted} is taken: stop what listens there, or name another port"
        raise StackError(message)
    port = wanted or _remembered(memory) or free_port()
    while port == beside:
        port = free_port()
    memory.write_text(f"{port}\n", encoding="ascii")
    return port


def _remembered(memory: Path) -> int | None:
    try:
        port = int(memory.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return port if port in _PORTS and is_free(port) else None
