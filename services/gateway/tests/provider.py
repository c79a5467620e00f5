"""A stand-in for an identity provider: its keys over HTTP as a JSON Web Key Set, and tokens that it signs."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://sso.example"
AUDIENCE = "grace"
ROLES = {
    "reader": ["missions:read", "approvals:read"],
    "sre": ["approvals:read", "approvals:decide"],
}


class Provider:
    """Signs with the keys that it has, and publishes those that it says."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"one": rsa.generate_private_key(65537, 2048)}
        self.published = {"one"}
        self.asked = 0
        self.is_well = True
        self.let_answer = asyncio.Event()
        self.let_answer.set()
        self.url = ""

    def token(self, key_id: str = "one", *, algorithm: str = "RS256", **claims: Any) -> str:
        """A token for Ada, who may read; a claim that is None is left out."""
        now = int(time.time())
        said = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "8c1e", "preferred_username": "ada", "iat": now, "exp": now + 300,
            "roles": ["reader"],
        } | claims  # fmt: skip
        told = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(told, self.keys[key_id], algorithm, headers={"kid": key_id})

    def key_set(self) -> bytes:
        """What it publishes."""
        keys = [self._public(name) for name in sorted(self.published)]
        return json.dumps(
            {"keys": [*keys, {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, 7]}
        ).encode()

    def _public(self, name: str) -> dict[str, Any]:
        key = self.keys[name]
        kind = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
        return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request over HTTP."""
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await self.let_answer.wait()
        status, body = ("200 OK", self.key_set()) if self.is_well else ("503 Busy", b"busy")
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def running(certificate: Path | None = None) -> AsyncIterator[Provider]:
    """A provider on a port of the loopback; over TLS with a certificate, in whose file its key lies, too."""
    provider, tls = Provider(), None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        scheme = "https" if tls else "http"
        provider.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        yield provider
