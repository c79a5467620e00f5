"""Asks the sources: one GET, no redirect, no proxy, limited in time and size. Nothing is retried."""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from stat import S_IWOTH
from time import monotonic

import httpx

from grace.verification.domain.contract import Measurement
from grace.verification.domain.source import (
    Asked,
    BadSourceError,
    Source,
    asked,
    is_forbidden,
    parse_sources,
    read_answer,
)
from grace.verification.domain.verdict import Reading, Unmeasured

_TOKEN = re.compile(r"[!-~]+")
# Takes are made together: what is odd about one source or one answer must not lose the others.
_UNMEASURABLE = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over the wire."""

    status: int
    body: bytes


class Sources:
    """The sources of the operator's file. Fails closed: a file that cannot be used allows none."""

    def __init__(self, path: Path | None, *, largest: int, longest: timedelta) -> None:
        """Name the file; None allows no source at all."""
        self._path = path
        self._largest = largest
        self.longest = longest
        self._seen: tuple[int, ...] = ()
        self._sources: Mapping[str, Source] = {}

    def check(self, operation: str, name: str, params: str) -> tuple[Source, Asked]:
        """Return what would be asked, and whom; BadSourceError where nobody may be."""
        source = self._read().get(name)
        if source is None:
            raise BadSourceError(f"{name} is not a source: an operator adds it to sources_file")
        return source, asked(source, operation, params)

    async def measure(self, measurement: Measurement) -> Reading:
        """Take a measurement. Whatever goes wrong, nothing was measured."""
        timeout = min(measurement.timeout_ms / 1000, self.longest.total_seconds())
        try:
            source, what = self.check(measurement.operation, measurement.target, measurement.params)
            async with asyncio.timeout(timeout):
                begun = monotonic()
                answer = await self._get(source, what)
                seconds = monotonic() - begun
            return read_answer(what, status=answer.status, body=answer.body, seconds=seconds)
        except TimeoutError:
            return Unmeasured(f"{measurement.target} did not answer within {timeout:g} s")
        except BadSourceError as error:
            return Unmeasured(str(error))
        except _UNMEASURABLE as error:
            return Unmeasured(f"{measurement.target}: {type(error).__name__} {error}"[:300])

    async def _get(self, source: Source, what: Asked) -> Answer:
        address = await _address(source)
        host = f"[{address}]" if ":" in address else address
        url = f"{source.scheme}://{host}:{source.port}{what.path}"
        # The address that was checked is the one that is asked; certificates are of the name.
        extensions = {"sni_hostname": source.host}
        limit = self.longest.total_seconds()
        async with (
            httpx.AsyncClient(
                timeout=limit,
                trust_env=False,
                follow_redirects=False,
                verify=_trusted(source.scheme),
            ) as client,
            client.stream("GET", url, headers=_headers(source), extensions=extensions) as answer,
        ):
            _check_fresh(answer.headers.get("Age", ""))
            return Answer(answer.status_code, await self._body(answer))

    async def _body(self, answer: httpx.Response) -> bytes:
        body = bytearray()
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > self._largest:
                raise BadSourceError(f"the answer is larger than {self._largest} bytes")
        return bytes(body)

    def _read(self) -> Mapping[str, Source]:
        """Return the sources; the file is read again when it changes."""
        if self._path is None:
            raise BadSourceError("no source is allowed: sources_file is not set")
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen != self._seen:
                if stat.st_mode & S_IWOTH:
                    raise BadSourceError("it is writable by everybody")
                self._sources = parse_sources(self._path.read_text(encoding="utf-8"))
                self._seen = seen
        except (OSError, ValueError) as error:
            self._seen = ()
            raise BadSourceError(f"sources_file cannot be used: {error}") from error
        return self._sources


@cache
def _trusted(scheme: str) -> ssl.SSLContext:
    """Whose certificates count: nobody's without TLS.

    To load them takes 18 ms, in which nothing else is done and which a latency would have in it.
    """
    if scheme == "https":
        return httpx.create_ssl_context(trust_env=False)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _headers(source: Source) -> dict[str, str]:
    host = f"[{source.host}]" if ":" in source.host else source.host
    headers = {
        "Host": f"{host}:{source.port}",
        "User-Agent": "grace-verification",
        "Cache-Control": "no-cache",
    }
    if source.token_file is not None:
        headers["Authorization"] = f"Bearer {_token(source.token_file)}"
    return headers


def _token(file: str) -> str:
    """Return a token; BadSourceError for what no header can carry: the client would repeat it in its error."""
    token = Path(file).read_text(encoding="utf-8").strip()
    if not _TOKEN.fullmatch(token):
        raise BadSourceError(f"{file} holds no token: one word of plain characters is needed")
    return token


def _check_fresh(age: str) -> None:
    """Refuse what a cache says of earlier, from before the action perhaps."""
    if age.strip("0 "):
        raise BadSourceError(
            f"the answer is {age[:20]} s old, from a cache: ask where there is none"
        )


async def _address(source: Source) -> str:
    """Return an address of a source; BadSourceError where its name leads to a forbidden one."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(source.host, source.port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]).partition("%")[0] for each in found]
    for address in addresses:
        if is_forbidden(address, is_here=source.is_here):
            raise BadSourceError(f"{source.name} leads to {address}, which is never asked")
    return addresses[0]
