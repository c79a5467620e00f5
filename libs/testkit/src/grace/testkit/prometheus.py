"""A stand-in for a Prometheus server and a web service: their HTTP, on loopback, told what to say."""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class PrometheusStandIn:
    """Answers `GET /api/v1/query` as Prometheus does; other paths with what `pages` has."""

    port: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def serve(self) -> asyncio.Server:
        """Listen on a free port; whoever asks for it closes it."""
        server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    @property
    def sources(self) -> str:
        """A file of sources that allows this server."""
        return (
            f'[sources.metrics]\nkind = "promql"\nurl = "http://127.0.0.1:{self.port}"\n'
            f'[sources.web]\nkind = "http"\nurl = "http://localhost:{self.port}"\n'
        )

    async def _on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if self.hold is not None:
                await self.hold.wait()
            target = head.split(b" ")[1].decode()
            self.asked.append(target)
            self.heads.append(head)
            status, headers, body = self._answer(target)
            lines = [f"{name}: {value}" for name, value in headers.items()]
            top = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
            writer.write(("\r\n".join([*top, *lines]) + "\r\n\r\n").encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, target: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(target)
        if parts.path != "/api/v1/query":
            return self.pages.get(parts.path, (404, {}, b"not found"))
        (query,) = parse_qs(parts.query)["query"]
        if query not in self.values:
            error = {"status": "error", "errorType": "bad_data", "error": "invalid parameter query"}
            return 400, {"Content-Type": "application/json"}, json.dumps(error).encode()
        found = [
            {"metric": {"instance": str(place)}, "value": [1795176000.5, repr(value)]}
            for place, value in enumerate(self.values[query])
        ]
        answer = {"status": "success", "data": {"resultType": "vector", "result": found}}
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
