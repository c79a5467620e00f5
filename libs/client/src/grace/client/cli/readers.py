"""Notices that nobody reads stdout any more, where a write would only find out much later."""

import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import UnsupportedOperation

import typer

from grace.client.cli.session import FAILED


@contextmanager
def while_somebody_reads() -> Iterator[None]:
    """End the command as soon as the pipe behind stdout is closed: `| head -1` would wait else."""
    gone = threading.Event()
    _watch(gone)
    try:
        yield
    except KeyboardInterrupt:
        if gone.is_set():
            raise typer.Exit(FAILED) from None
        raise


def _watch(gone: threading.Event) -> None:
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # an error is told without being asked for
    except (AttributeError, UnsupportedOperation):
        return  # no such call on this system, or no real stdout

    def wait() -> None:
        poll.poll()
        gone.set()
        # A signal ends what waits for the network; nothing else would.
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.get_ident()
    threading.Thread(target=wait, daemon=True).start()
