"""What the gateway itself answers; everything else is a message out of grace.contracts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from grace.contracts.governance import ReplayedRuling, SimulatedMove
from grace.contracts.intent import Preview, Recorded

# Built at its first use: a command reads one or two of them.
_ANSWER = ConfigDict(frozen=True, defer_build=True)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """One page of a list; `next_cursor` is None on the last one."""

    items: tuple[T_co, ...]
    next_cursor: str | None


class ApiKey(BaseModel):
    """An API key, without its token."""

    model_config = _ANSWER

    key_id: str
    principal: str
    name: str
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    rate_limit: int | None = None


class NewApiKey(ApiKey):
    """An API key with its token, which is shown this one time."""

    token: str


class Health(BaseModel):
    """Which services answer: `up` or `down` for each."""

    model_config = _ANSWER

    status: str
    services: dict[str, str]


class About(BaseModel):
    """Something that an answer of the chat was about."""

    model_config = _ANSWER

    kind: str
    id: str


class ChatSource(BaseModel):
    """What a part of an answer is based on: a route, the ids, and where a cited passage stands."""

    model_config = _ANSWER

    route: str
    ids: tuple[str, ...] = ()
    title: str | None = None
    start_offset: int | None = None
    end_offset: int | None = None


class ChatPart(BaseModel):
    """One thing that was looked at; `state` is told, unknown, forbidden or unanswered."""

    model_config = _ANSWER

    topic: str
    state: str
    text: str
    sources: tuple[ChatSource, ...]


class ChatOffer(BaseModel):
    """A call that would do what was wished. Nobody has made it."""

    model_config = _ANSWER

    effect: str
    method: str
    path: str
    if_match: str | None = None
    body: dict[str, JsonValue] | None = None
    command: str
    scope: str


class ChatAnswer(BaseModel):
    """What Grace knows of a question, as text. `degraded`: something that was needed did not answer."""

    model_config = _ANSWER

    answer: str
    parts: tuple[ChatPart, ...]
    offers: tuple[ChatOffer, ...]
    about: tuple[About, ...]
    degraded: bool
    reasons: tuple[str, ...]
    answered_by: str


class Event(BaseModel):
    """Something that happened. Give `id` as `after` to go on behind it.

    The subject `gap` tells of the stream itself: something before this is no longer kept.
    """

    model_config = _ANSWER

    id: str
    subject: str
    message_id: str | None = None
    issued_at: datetime | None = None
    correlation_id: str | None = None
    data: dict[str, JsonValue] = {}


class Accepted(BaseModel):
    """A report is kept: these messages tell of it."""

    model_config = _ANSWER

    message_ids: tuple[str, ...]
    redacted: int = 0  # Secrets that were taken out before anybody kept them: replace each.


class AcceptedTask(BaseModel):
    """What became of a task that was handed in."""

    model_config = _ANSWER

    key: str
    outcome: str
    task_id: str


class Simulation(BaseModel):
    """What other policies would have made of the plans that there were."""

    model_config = _ANSWER

    problems: tuple[str, ...]
    judged: int
    same: int
    changes: dict[str, int]
    moves: tuple[SimulatedMove, ...]
    complete: bool


class Meta(BaseModel):
    """What comes beside an answer."""

    request_id: str
    next_cursor: str | None = None


class Envelope(BaseModel, Generic[T]):
    """The shape of every answer."""

    data: T
    meta: Meta


class ReplayedMission(BaseModel):
    """How a mission would be planned, and what policies would make of the plans that it had."""

    model_config = _ANSWER

    recorded: Recorded
    preview: Preview
    differs: bool
    mission_id: str
    rulebook_hash: str
    rulings: tuple[ReplayedRuling, ...]
