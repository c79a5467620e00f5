"""Events as they happen: server-sent events that go on where a client lost them."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.responses import Response

from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.feed import Feed
from grace.gateway.api.journal import FOLLOWED
from grace.gateway.api.streaming import MEDIA_TYPE, EventStream
from grace.gateway.domain.access import Scope
from grace.gateway.domain.following import Interest, start_at

router = APIRouter(prefix="/api/events", tags=["events"])

Reader = Annotated[Caller, needs(Scope.EVENTS_READ)]
_INT64 = 2**63 - 1
LastEventId = Annotated[
    str | None,
    Header(pattern=r"^[0-9]{1,19}$", description="The last `id` that was seen."),
]
_EXAMPLE = """\
retry: 2000
id: 41

id: 42
event: approval.requested
data: {"subject":"approval.requested","message_id":"01980a52-6c1e-7c33-9f5e-2f5d7f6f1a10",\
"issued_at":"2026-11-20T12:00:00Z","correlation_id":"mission-1",\
"data":{"approval_id":"approval-1","mission_id":"mission-1","tier":2,"quorum":1}}

: heartbeat
id: 42

"""
ANSWER: dict[str, Any] = {
    "description": "Events, until the client goes, its key ends or the service stops.",
    "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
}


class Following(BaseModel):
    """Which events, and from where on."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(
        default=None,
        ge=0,
        le=_INT64,
        description="Begin behind this `id`; 0 for all that is kept. `Last-Event-ID` goes before.",
    )
    subjects: str | None = Field(
        default=None,
        max_length=4096,
        description="Only these subjects of docs/subjects.md, to the letter, joined by commas.",
        examples=["approval.requested,verification.mission.closed"],
    )

    @field_validator("subjects")
    @classmethod
    def _are_events(cls, subjects: str | None) -> str | None:
        if subjects is not None and not set(subjects.split(",")) <= FOLLOWED.keys():
            raise ValueError("names a subject that is no event: docs/subjects.md lists them")
        return subjects

    @property
    def chosen(self) -> frozenset[str]:
        """The subjects; none where all are wanted."""
        return frozenset(self.subjects.split(",") if self.subjects else ())


@router.get(
    "/stream", summary="Follow the events", response_class=Response, responses={200: ANSWER}
)
async def follow_events(
    request: Request,
    caller: Reader,
    following: Annotated[Following, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Send the tenant's events as they happen, each with its sequence as `id`.

    A client that comes back with `Last-Event-ID` gets what it missed; an event may come twice, with
    the same `message_id`. Four events tell of the stream itself: `gap` (something before this is no
    longer kept), `lagging` (too slow: connect again), `closed` (the key has ended) and `stopping`.
    """
    after = following.after if last_event_id is None else int(last_event_id)
    return await stream_of(request, caller, after, following.chosen, Scope.EVENTS_READ)


async def stream_of(
    request: Request, caller: Caller, after: int | None, subjects: Collection[str], scope: Scope
) -> Response:
    """Follow the tenant's events of some subjects from where a client was; all where none is named.

    For as long as the key has the scope that opened it.
    """
    feed: Feed = request.app.state.feed
    start = start_at(after, await feed.journal.extent())
    return EventStream(feed, caller, start, Interest(caller.tenant, subjects), scope)
