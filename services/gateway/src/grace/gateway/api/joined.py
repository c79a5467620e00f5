"""What is written in one go leaves in one go: the head of an answer in one packet with its body.

uvloop sends each write by itself. The head alone wakes the client, which then waits for the body again.
"""

import asyncio
from typing import Any

# A stream whose pieces never wait must not pile up here.
_MOST_BYTES = 64 * 1024


class JoinedWrites:
    """A transport that keeps what is written until it is flushed, at the latest in the loop's next turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        self._bytes = 0

    def write(self, data: bytes) -> None:
        """Keep it for the next flush."""
        if not data:
            return
        if not self._kept:
            self._loop.call_soon(self.flush)
        self._kept.append(data)
        self._bytes += len(data)
        if self._bytes > _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what is kept, unless the client has gone."""
        kept, self._kept, self._bytes = self._kept, [], 0
        if kept and not self._transport.is_closing():
            self._transport.writelines(kept)

    def close(self) -> None:
        """Send what is kept, and hang up."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport can do
        return getattr(self._transport, name)
