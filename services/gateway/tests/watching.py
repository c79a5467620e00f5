"""What is told of approvals, and how a test follows it by server-sent events."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from grace.contracts.governance import ApprovalGranted, ApprovalRequested, Capability, Grant
from grace.contracts.message import Message
from grace.kit import Runtime
from grace.testkit import House

STREAM = "/api/events/stream"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = b"canary-capability"


def requested(name: str, tenant: str = "default") -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=name,
        mission_id=f"mission-{name}",
        tenant_id=tenant,
        tier=2,
        quorum=1,
        requested_by="ada",
        shown_hash="0" * 64,
        expires_at=NOW,
    )


def granted(name: str) -> ApprovalGranted:
    capability = Capability(key_id="canary-key", body=SECRET, signature=SECRET)
    grant = Grant(action_id="a", contract_id="c", contract_hash="0" * 64, apply=capability)
    return ApprovalGranted(
        approval_id=name,
        mission_id=f"mission-{name}",
        tenant_id="default",
        plan_hash="0" * 64,
        decided_by=("bob",),
        grants=(grant,),
        granted_at=NOW,
    )


async def tell(governance: Runtime, *messages: Message) -> None:
    async with governance.unit() as unit:
        for message in messages:
            unit.publish(message, tenant=getattr(message, "tenant_id", "default"))


@dataclass
class Told:
    """One block of a stream, as a client reads it."""

    event: str
    id: str | None
    data: dict[str, Any]
    comment: str

    @property
    def approval(self) -> str | None:
        found: str | None = self.data.get("data", {}).get("approval_id")
        return found


async def blocks(answer: httpx.Response) -> AsyncIterator[Told]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name or "comment"] = value.strip()
            continue
        data = json.loads(fields.get("data", "{}"))
        yield Told(fields.get("event", ""), fields.get("id"), data, fields.get("comment", ""))
        fields = {}


@asynccontextmanager
async def follow(
    client: httpx.AsyncClient, query: str = "", last_id: str | None = None, path: str = STREAM
) -> AsyncIterator[AsyncIterator[Told]]:
    """Follow the events; what is yielded begins behind the greeting."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with client.stream("GET", path + query, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        told = blocks(answer)
        assert (await anext(told)).id is not None
        yield told


async def next_approval(told: AsyncIterator[Told]) -> Told:
    """The next event about an approval; heartbeats and keys come whenever they like."""
    async for block in told:
        if block.approval is not None:
            return block
    raise AssertionError("the stream ended")


async def sequence_of(house: House, name: str) -> str:
    for message in await house.messages("approval.requested"):
        if json.loads(message.data)["approval_id"] == name:
            return str(message.seq)
    raise LookupError(name)
