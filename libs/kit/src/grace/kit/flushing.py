"""Waits until the NATS server has what a client sent: one flush of nats-py does not."""

from __future__ import annotations

from nats.aio.client import Client

_SECONDS = 10


async def flush(client: Client, seconds: int = _SECONDS) -> None:
    """Wait until the server has taken in all that was sent, subscriptions and messages.

    nats-py 2.16 (`Client._send_ping`) writes its PING to the socket in front of what still lies in
    its buffer: the first answer tells of what was sent earlier, and that the buffer is on its way;
    only the second tells that the buffer has arrived.

    Raises nats.errors.TimeoutError after so many seconds without either answer.
    """
    await client.flush(seconds)
    await client.flush(seconds)
