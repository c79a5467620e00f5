"""A client of the WebSocket, by the library's own client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Text = dict[str, Any]
_SECONDS = 10


class Client:
    """Says orders and hears texts, all but heartbeats."""

    def __init__(self, wire: ClientConnection) -> None:
        self.wire = wire

    async def say(self, **order: object) -> None:
        await self.wire.send(json.dumps(order))

    async def ask(self, **order: object) -> Text:
        """The text that comes next after an order."""
        await self.say(**order)
        return await self.hear()

    async def hear(self) -> Text:
        async with asyncio.timeout(_SECONDS):
            while True:
                text: Text = json.loads(await self.wire.recv())
                if text["op"] != "heartbeat":
                    return text

    async def hear_approvals(self, *names: str) -> list[Text]:
        """The next events; of these approvals, one after the other."""
        heard = [await self.hear() for _ in names]
        assert [text["data"]["approval_id"] for text in heard] == list(names)
        return heard

    async def rest(self) -> list[Text]:
        """The texts until the gateway hangs up."""
        heard = []
        with suppress(ConnectionClosed):
            while True:
                heard.append(await self.hear())
        return heard

    async def end(self) -> tuple[list[Text], int | None]:
        """The texts until the gateway hangs up, and with which code it does."""
        return await self.rest(), self.wire.close_code


@asynccontextmanager
async def talk(front: Any, token: str | None = None, **how: Any) -> AsyncIterator[Client]:
    """A connection with a key, the admin's where none is given; none where it is empty."""
    token = front.token if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= how.pop("headers", {})
    url = front.url.replace("http", "ws", 1) + "/api/ws" + how.pop("query", "")
    async with connect(url, additional_headers=headers, proxy=None, **how) as wire:
        yield Client(wire)
