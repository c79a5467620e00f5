"""The chat: questions in plain words about what Grace already answers. It reads, and never acts."""

import unicodedata
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Security
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from grace.gateway import metrics
from grace.gateway.api.answering import Finding, State, findings
from grace.gateway.api.asking import Source
from grace.gateway.api.callers import Caller, permitted
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.domain import questions, wishes
from grace.gateway.domain.questions import Kind, Name

router = APIRouter(prefix="/api/chat", tags=["chat"])

# Any key: what it may read is decided by the scope of each route that is asked for it.
Anybody = Annotated[Caller, Security(permitted, scopes=[])]
MOST_CHARACTERS = 4000
_MOST_ABOUT = 8
# Who answers where parts of Grace do not (REQUIREMENTS R2-03).
FALLBACK: Literal["GraceAutonomous"] = "GraceAutonomous"
_SAFE = (
    "Not everything that was needed answered in time: {late}. What is told here is only a part, and nothing was "
    "changed by asking. Ask again in a moment; GET /api/health tells which services answer."
)
_CAN = """\
I read what Grace knows and answer with where it is from; I never act. You can ask:
- what is open, what failed, what needs attention
- how a mission, a task, an intent, an approval or a contract stands, by its id, and then: why?
- which approvals wait for me
- who holds a target, what is held, which freezes there are, how the kill switch and the brake stand
- how the queues are, which dead letters and alerts there are, whether every service is healthy
- how playbooks did
- anything else: I look for it in the texts that Grace was told to know, and cite them"""
_WHICH = "I do not know what this is about. Name an id, or something that I can look for."


class About(BaseModel):
    """Something that an answer was about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal[
        "mission", "task", "intent", "approval", "contract", "target", "playbook", "kernel"
    ]
    id: str = Field(pattern=ID_PATTERN)


class ChatQuestion(BaseModel):
    """A question in plain words."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"message": "What is open?", "about": []}},
    )

    message: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$",
        description="One line of text, not blank, without control characters. It is kept nowhere.",
    )
    about: list[About] = Field(
        default=[],
        max_length=_MOST_ABOUT,
        description="`about` of the answer before: so `why?` is about the same. Nothing is kept in between.",
    )

    @field_validator("message")
    @classmethod
    def _asks_something(cls, text: str) -> str:
        # What is only blank, invisible, or turns a line says nothing.
        if all(unicodedata.category(each)[0] in "ZC" for each in text):
            raise ValueError("must not be blank")
        return text


class Offer(BaseModel):
    """A call that would do what was wished. A person makes it; the chat has not."""

    effect: str
    method: str
    path: str
    if_match: str | None = Field(default=None, description="The header If-Match, where needed.")
    body: dict[str, JsonValue] | None = Field(
        default=None, description="What stands in <> or in capitals is for you to fill in."
    )
    command: str = Field(description="The same by the command line.")
    scope: str = Field(description="What a key needs for it.")


class Part(BaseModel):
    """One thing that was looked at."""

    topic: str = Field(description="mission, missions, approvals, knowledge ..")
    state: State = Field(
        description="told; unknown: there is no such thing; forbidden: the key may not see it; "
        "unanswered: its owner did not answer"
    )
    text: str = Field(description="Plain text. What others wrote stands between \u201c and \u201d.")
    sources: tuple[Source, ...] = Field(description="What it is based on.")


_ANSWER: dict[str, JsonValue] = {
    "answer": "No missions (open).",
    "parts": [
        {
            "topic": "missions",
            "state": "told",
            "text": "No missions (open).",
            "sources": [{"route": "GET /api/missions", "ids": []}],
        }
    ],
    "offers": [],
    "about": [],
    "degraded": False,
    "reasons": [],
    "answered_by": "Grace",
}


class ChatAnswer(BaseModel):
    """What Grace knows of a question, and where from. All of it is text, and none of it markup."""

    model_config = ConfigDict(json_schema_extra={"example": _ANSWER})

    answer: str = Field(description="All parts in one plain text.")
    parts: tuple[Part, ...]
    offers: tuple[Offer, ...] = Field(
        description="For a wish to act: the calls that a person would have to make. None was made."
    )
    about: tuple[About, ...] = Field(description="Give it with the next question.")
    degraded: bool = Field(description="Something that was needed did not answer.")
    reasons: tuple[str, ...] = Field(description="What did not answer, and why.")
    answered_by: Literal["Grace", "GraceAutonomous"] = Field(
        description="GraceAutonomous: the safe answer where parts of Grace do not answer."
    )


@router.post("", summary="Ask a question in plain words")
async def ask_chat(asked: ChatQuestion, caller: Anybody) -> Envelope[ChatAnswer]:
    """Answer from what Grace knows, with sources. Nothing is changed, whatever is asked.

    Any key may ask, and sees what its scopes let it see: where one lacks, the part says which. What
    does not answer in time is named in a partial answer (`degraded`), never a 5xx.
    """
    caller.limits.charge_chat(caller.key)
    settings = caller.settings
    names = [Name(Kind(each.kind), each.id) for each in asked.about]
    reading = questions.read(asked.message, names)
    offers = wishes.offers_for(asked.message, reading.names)
    looks = reading.looks if not offers else [each for each in reading.looks if not each.is_a_guess]
    found = await findings(
        caller, looks, within=settings.chat_fallback, at_most=settings.chat_timeout
    )
    answer = _answer(found, offers, asks_for_help=reading.asks_for_help)
    _note(caller, found, answer)
    return caller.answer(answer)


def _answer(
    found: Sequence[Finding], offers: Sequence[wishes.Offer], *, asks_for_help: bool
) -> ChatAnswer:
    reasons = tuple(
        f"{each.look.topic.value}: {each.told.text.rstrip('.')}"
        for each in found
        if each.state == "unanswered"
    )
    about = dict.fromkeys(name for each in found for name in each.told.about)
    return ChatAnswer(
        answer="\n\n".join(_texts(found, offers, reasons, asks_for_help=asks_for_help)),
        parts=tuple(_part(each) for each in found),
        offers=tuple(_offer(each) for each in offers),
        about=tuple(About(kind=name.kind.value, id=name.id) for name in about)[:_MOST_ABOUT],
        degraded=bool(reasons),
        reasons=reasons,
        answered_by=FALLBACK if reasons else "Grace",
    )


def _texts(
    found: Sequence[Finding],
    offers: Sequence[wishes.Offer],
    reasons: Sequence[str],
    *,
    asks_for_help: bool,
) -> list[str]:
    texts = [each.told.text for each in found if each.state != "unanswered"]
    if offers:
        texts.insert(0, _offered(offers))
    if reasons:
        texts.append(_SAFE.format(late="; ".join(reasons)))
    if not texts:
        texts = [_CAN] if asks_for_help else [_WHICH, _CAN]
    return texts


def _offered(offers: Sequence[wishes.Offer]) -> str:
    lines = [
        f"- {each.method} {each.path}, or `{each.command}`: {each.effect} (scope {each.scope.value})"
        for each in offers
    ]
    return "\n".join(
        [
            "I never act, and nothing was done. A person would have to make one of these calls:",
            *lines,
        ]
    )


def _part(each: Finding) -> Part:
    return Part(
        topic=each.look.topic.value,
        state=each.state,
        text=each.told.text,
        sources=tuple(each.sources),
    )


def _offer(each: wishes.Offer) -> Offer:
    return Offer(
        effect=each.effect,
        method=each.method,
        path=each.path,
        if_match=each.if_match,
        body=None if each.body is None else dict(each.body),
        command=each.command,
        scope=each.scope.value,
    )


def _note(caller: Caller, found: Sequence[Finding], answer: ChatAnswer) -> None:
    """What was asked is nobody's business: the topics are enough to find a fault."""
    metrics.CHAT_ANSWERS.labels("degraded" if answer.degraded else "whole").inc()
    caller.runtime.log.info(
        "chat.answered",
        topics=[each.look.topic.value for each in found],
        states=[each.state for each in found],
        offers=len(answer.offers),
        request_id=caller.request_id,
    )
