"""The texts that travel over a WebSocket: a client's orders, and what it is told."""

import json
from typing import Literal, Self

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from grace.gateway.api.bodies import check_json
from grace.gateway.api.errors import answer_of
from grace.gateway.api.journal import FOLLOWED, Event


class Order(BaseModel):
    """What a client wants."""

    model_config = ConfigDict(extra="forbid", strict=True)

    op: Literal["subscribe", "unsubscribe"]
    subscription: str = Field(default="default", pattern=r"^[A-Za-z0-9._:-]{1,64}$")
    after: str | None = Field(default=None, pattern=r"^[0-9]{1,19}$")
    subjects: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=256)

    @field_validator("subjects")
    @classmethod
    def _are_events(cls, subjects: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if subjects is not None and not set(subjects) <= FOLLOWED.keys():
            raise ValueError("names a subject that is no event: docs/subjects.md lists them")
        return subjects

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        if self.op == "unsubscribe" and self.model_fields_set & {"after", "subjects"}:
            raise ValueError("`after` and `subjects` belong to subscribe")
        return self


def order_in(text: str) -> Order:
    """Return what a text asks for. Raises what a body would that is no such thing."""
    body = text.encode()
    check_json(body)
    try:
        return Order.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(
            [{**each, "loc": ("message", *each["loc"])} for each in found]
        ) from None


def frame(op: str, **fields: str | None) -> bytes:
    """Return the text that tells of one thing; fields that are None are left out."""
    told = {name: value for name, value in fields.items() if value is not None}
    return json.dumps({"op": op, **told}, separators=(",", ":")).encode()


def event_frame(subscription: str, event: Event) -> bytes:
    """Return the text of an event: the data of server-sent events, and whose it is."""
    begin = b'{"op":"event","subscription":"%s","id":"%d",'
    return begin % (subscription.encode(), event.sequence) + event.data[1:]


def problem_frame(error: Exception, *, path: str, request_id: str) -> bytes:
    """Return the text of a failure: the body that HTTP would answer with."""
    body = bytes(answer_of(error, path=path, request_id=request_id).body)
    return b'{"op":"error",' + body[1:]
