"""A connection to one gateway: sends, sends again where that is safe, and reads the answers."""

import time
from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from tenacity.asyncio import AsyncRetrying

from grace.client.ask import (
    Ask,
    Query,
    check_token,
    check_url,
    get,
    is_loopback,
    post,
    read,
    read_page,
    trusted,
)
from grace.client.errors import (
    GatewayTimeout,
    Misconfigured,
    RateLimited,
    ServerFailed,
    StillOpen,
    Unavailable,
    Unreachable,
    error_of,
)
from grace.client.models import Page
from grace.client.patience import Patience, longer

T = TypeVar("T")

# A restart of the gateway or of an owner is no reason to give up waiting.
_PASSING = (GatewayTimeout, RateLimited, Unavailable, Unreachable)
_CONNECTS_WITHIN = 5.0  # seconds


class Connection:
    """What every noun of the API stands on. Raises GraceClientError and nothing else."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = 30.0,
        patience: Patience | None = None,
    ) -> None:
        check_url(url)
        check_token(token)
        self._patience = patience or Patience()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limit = httpx.Timeout(timeout, connect=min(timeout, _CONNECTS_WITHIN))
        self._http = _http(url, headers, limit)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _get(self, path: str, model: type[T], **query: str | int | None) -> T:
        return read(await self._send(get(path, query)), model)

    async def _page(self, path: str, model: type[T], **query: str | int | None) -> Page[T]:
        return read_page(await self._send(get(path, query)), model)

    async def _each(self, path: str, model: type[T], **query: str | None) -> AsyncIterator[T]:
        """Every item of a list, page after page."""
        cursor: str | None = None
        while True:
            page = await self._page(path, model, cursor=cursor, limit=100, **query)
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            if page.next_cursor == cursor:
                raise ServerFailed("a page leads to itself", status=200)
            cursor = page.next_cursor

    async def _post(
        self,
        path: str,
        model: type[T],
        body: Mapping[str, Any],
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> T:
        ask = post(path, body, query=query, headers=headers, key=key)
        return read(await self._send(ask), model)

    async def _send(self, ask: Ask) -> httpx.Response:
        """Return the answer to a request. GraceClientError where it is refused, or none came."""
        return await self._patience.retrying(AsyncRetrying)(self._once, ask)

    async def _once(self, ask: Ask) -> httpx.Response:
        response = await self._answered(ask, stream=False)
        if response.is_success:
            return response
        raise error_of(response)

    async def _answered(self, ask: Ask, *, stream: bool, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        try:
            request = self._http.build_request(
                ask.method,
                ask.path,
                params=ask.params,
                headers=ask.headers,
                content=ask.content,
                **options,
            )
            return await self._http.send(request, stream=stream)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"no answer from {self._http.base_url}: {reason}") from error

    async def _ended(
        self,
        look: Callable[[], Awaitable[T]],
        ended: Callable[[T], bool],
        *,
        what: str,
        timeout: float,
        pause: float,
        tell: Callable[[T], None] | None = None,
    ) -> T:
        """Look until something has ended. StillOpen after `timeout` seconds."""
        deadline, problem = time.monotonic() + timeout, ""
        while True:
            try:
                found = await look()
            except _PASSING as error:
                problem = f": {error}"
            else:
                if ended(found):
                    return found
                problem = ""
                if tell is not None:
                    tell(found)
            if time.monotonic() + pause > deadline:
                raise StillOpen(f"{what} has not ended within {timeout:g} s{problem}")
            await sleep(pause)
            pause = longer(pause)


def _http(url: str, headers: Mapping[str, str], timeout: httpx.Timeout) -> httpx.AsyncClient:
    """Misconfigured where the environment names a proxy or certificates that cannot be used."""
    try:
        # A transport of its own is used without a proxy, even where HTTP_PROXY is set.
        transport = httpx.AsyncHTTPTransport(verify=trusted(url)) if is_loopback(url) else None
        return httpx.AsyncClient(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )
    except (OSError, ValueError, ImportError) as error:
        raise Misconfigured(f"the environment's proxy or certificates: {error}") from None
