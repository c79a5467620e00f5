"""A stand-in for a Qdrant server: its HTTP on loopback, answered by the local mode of its own client.

What it cannot show is how a server's own index finds: the local mode compares everything.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any


def library() -> Any:
    """Qdrant's client, loaded where a test needs it: each of pytest's processes would carry its 80 MB."""
    return import_module("qdrant_client")


class StandIn:
    """Well, or whatever a test says: busy answers 503, silent never, odd with what is no JSON, slow once it may."""

    def __init__(self) -> None:
        self.url = ""
        self.mood = "well"
        self.may_answer = asyncio.Event()
        self.local = library().QdrantClient(":memory:")
        self.keys: set[str | None] = set()
        self.asked = 0
        self.indexed: set[str] = set()

    def count(self, collection: str = "grace") -> int:
        return self.local.count(collection).count if self.local.collection_exists(collection) else 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request over HTTP."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = line.split(" ")
        self.asked += 1
        self.keys.add(headers.get("api-key"))
        if self.mood == "slow":
            await self.may_answer.wait()
        if self.mood == "silent":
            await reader.read()  # until the other side has had enough
        else:
            status, said = self._answer(method, target.split("?")[0].split("/")[2:], body)
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(said)}\r\nConnection: close\r\n\r\n".encode()
                + said
            )
            await writer.drain()
        writer.close()

    def _answer(self, method: str, path: list[str], body: bytes) -> tuple[int, bytes]:
        if self.mood == "odd":
            return 200, b"<html>"
        if self.mood == "busy":
            return 503, b'{"status":{"error":"overloaded"},"time":0.0}'
        name, what = path[0], "/".join(path[1:])
        is_new = (method, what) in {("GET", "exists"), ("PUT", "")}
        if not is_new and not self.local.collection_exists(name):
            return 404, b'{"status":{"error":"Not found: no such collection"},"time":0.0}'
        result = self._result(method, name, what, json.loads(body or b"null"))
        return 200, json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()

    def _result(self, method: str, name: str, what: str, asked: Any) -> Any:
        match method, what:
            case "GET", "exists":
                return {"exists": self.local.collection_exists(name)}
            case "GET", "":
                return self.local.get_collection(name).model_dump(mode="json")
            case "PUT", "":
                made = library().models.CreateCollection.model_validate(asked)
                return self.local.create_collection(name, vectors_config=made.vectors)
            case "PUT", "index":
                self.indexed.add(library().models.CreateFieldIndex.model_validate(asked).field_name)
            case "PUT", "points":
                self.local.upsert(name, library().models.PointsList.model_validate(asked).points)
            case "POST", "points/delete":
                others = library().models.FilterSelector.model_validate(asked)
                self.local.delete(name, others)
            case "POST", "points/query":
                found = library().models.QueryRequest.model_validate(asked)
                return self.local.query_points(
                    name, query=found.query, query_filter=found.filter, limit=found.limit or 10,
                    with_payload=found.with_payload,
                ).model_dump(mode="json")  # fmt: skip
            case "POST", "points/count":
                counted = library().models.CountRequest.model_validate(asked)
                return self.local.count(name, counted.filter).model_dump(mode="json")
            case _:
                raise AssertionError(f"{method} {what} is nothing that knowledge asks")
        return {"operation_id": 0, "status": "completed"}


@asynccontextmanager
async def running(certificate: Path | None = None) -> AsyncIterator[StandIn]:
    """A stand-in on a port of the loopback, with nothing in it; over TLS with a certificate, and its key in one file."""
    stand_in, tls = StandIn(), None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    server = await asyncio.start_server(
        stand_in.serve, "127.0.0.1", 0, limit=16 * 1024 * 1024, ssl=tls
    )
    scheme = "https" if tls else "http"
    stand_in.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stand_in
    finally:
        server.close()
        stand_in.local.close()
