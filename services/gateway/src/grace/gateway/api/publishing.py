"""Publishes what a caller sends: it is in the outbox, and so on disk, when this returns."""

from collections.abc import Iterable
from uuid import UUID

from grace.contracts.message import Message
from grace.gateway.api.callers import Caller


async def publish(caller: Caller, messages: Iterable[tuple[UUID, Message]]) -> None:
    """Publish all or none of them, each once under its identity; asyncpg's errors where none was.

    The relay sends them, again if the stream is lost: what was accepted does not depend on NATS.
    """
    async with caller.runtime.unit(correlation_id=caller.request_id) as unit:
        for identity, message in messages:
            unit.publish(message, identity=identity, tenant=caller.tenant)
