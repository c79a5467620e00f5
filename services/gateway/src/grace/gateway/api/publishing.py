"""Publishes what a caller sends: it is in the outbox, and so on disk, when this returns."""

from collections.abc import Iterable
from uuid import UUID

from grace.contracts.message import Message
from grace.gateway.api.callers import Caller
from grace.gateway.api.reports import Report
from grace.kit import tracing


async def publish(caller: Caller, messages: Iterable[tuple[UUID, Message]]) -> None:
    """Publish all or none of them, each once under its identity; asyncpg's errors where none was.

    The relay sends them, again if the stream is lost: what was accepted does not depend on NATS.
    """
    trace = tracing.current_traceparent()
    await caller.reports.ask(
        [
            Report(identity, message, caller.tenant, caller.request_id, trace)
            for identity, message in messages
        ]
    )
