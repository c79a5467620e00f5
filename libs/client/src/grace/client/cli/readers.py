"""Notices that nobody reads stdout any more, where a write would only find out much later."""

import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from types import FrameType

import typer

from grace.client.cli.session import FAILED

# Of one's own, since SIGINT is ignored by what a script starts with `&`.
_NOBODY_READS = signal.SIGUSR1


class _NobodyReads(BaseException):
    """As with KeyboardInterrupt, no `except Exception` on the way may take it for a failure."""


@contextmanager
def while_somebody_reads() -> Iterator[None]:
    """End the command as soon as the pipe behind stdout is closed: `| head -1` would wait else."""
    _watch()
    try:
        yield
    except _NobodyReads:
        raise typer.Exit(FAILED) from None


def _watch() -> None:
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # an error is told without being asked for
    except (AttributeError, UnsupportedOperation):
        return  # no such call on this system, or no real stdout

    def wait() -> None:
        poll.poll()
        # A signal ends what waits for the network; nothing else would.
        signal.pthread_kill(main, _NOBODY_READS)

    signal.signal(_NOBODY_READS, _end)
    main = threading.get_ident()
    threading.Thread(target=wait, daemon=True).start()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _NobodyReads
