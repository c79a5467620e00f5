"""One HTTP/1.1 connection that stays open: as little client as can be, so that the server is measured."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_LINE_LIMIT = 4 * 1024 * 1024


class WireError(OSError):
    """The server ended the connection, or answered something else than HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes

    @property
    def data(self) -> Any:
        """What is in the envelope."""
        return json.loads(self.body)["data"]


class Line:
    """A connection to one server; made again by itself when it was lost."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._address = (host, port)
        self._fixed = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Send a request and read the whole answer. OSError when the connection fails."""
        try:
            reader, writer = await self._opened()
            writer.write(self._head(method, path, body) + (body or b""))
            return await _answer(reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as e:
            self.close()
            raise WireError(f"{method} {path}: {e!r}") from e

    def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
        self._reader = self._writer = None

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                *self._address, limit=_LINE_LIMIT
            )
        return self._reader, self._writer

    def _head(self, method: str, path: str, body: bytes | None) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\n{self._fixed}"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode("ascii")


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    if "transfer-encoding" in fields:
        raise ValueError("an answer in chunks is not expected here")
    return Answer(status, await reader.readexactly(int(fields.get("content-length", "0"))))
