"""The intake: errors that people and programs report, each durable before it is accepted."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote
from uuid import UUID

from fastapi import APIRouter, Body, Header
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    ValidationError,
    field_validator,
)

from grace.contracts import cloudevents
from grace.contracts.intent import ErrorDetected, ErrorDetectedSeverity
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.api.hunting import without_secrets
from grace.gateway.api.instants import Claimed
from grace.gateway.api.publishing import publish
from grace.gateway.domain.access import Scope
from grace.gateway.domain.intake import repeatable_id, seen_at
from grace.kit import new_id

router = APIRouter(prefix="/api/errors", tags=["intake"])

Writer = Annotated[Caller, needs(Scope.ERRORS_WRITE)]
Severity = Literal["info", "warning", "error", "critical"]
LONGEST_DETAILS, LONGEST_MESSAGE = 16 * 1024, 4096
_LONGEST_ATTRIBUTE = 1024
_MOST_EVENTS = 1000
_REPORT: dict[str, JsonValue] = {
    "source": "pg-watch",
    "kind": "postgres.blocked_sessions",
    "target": "shop-db",
    "message": "12 sessions wait for one that is idle in its transaction",
    "severity": "error",
    "detected_at": "2026-11-20T12:00:00Z",
    "details": {"blocked": 12},
}
_EVENT: dict[str, JsonValue] = {
    "specversion": "1.0",
    "id": "7f1c",
    "source": "https://monitor.example.org/pg-watch",
    "type": "postgres.blocked_sessions",
    "subject": "shop-db",
    "time": "2026-11-20T12:00:00Z",
    "datacontenttype": "application/json",
    "data": {"message": "12 sessions wait for one that is idle in its transaction"},
}


class Report(BaseModel):
    """An error, as somebody saw it."""

    # Only with its headers is it known whether it is the data of an event, which may have more.
    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": _REPORT, "additionalProperties": False}
    )

    kind: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="The class of the error, which trigger rules match. Required, unless a "
        "CloudEvent's `type` is it.",
    )
    target: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="The registered target that it is about. Required, unless a CloudEvent's "
        "`subject` is it.",
    )
    message: str = Field(default="", max_length=LONGEST_MESSAGE, description="For people.")
    severity: Severity = "error"
    source: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="The program that saw it; your principal where absent.",
    )
    detected_at: Claimed | None = Field(
        default=None, description="With a time zone; now where absent."
    )
    details: dict[str, JsonValue] | None = Field(
        default=None, description="Evidence, at most 16 KiB. Never becomes a parameter."
    )
    resolved: bool = Field(
        default=False,
        strict=True,
        description="It is over by itself, since `detected_at`: what has no plan yet gets none.",
    )

    @field_validator("details")
    @classmethod
    def _fits(cls, details: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if details is not None and len(json.dumps(details)) > LONGEST_DETAILS:
            raise ValueError(f"longer than {LONGEST_DETAILS} characters of JSON")
        return details


class EventData(Report):
    """What a CloudEvent says. What is no field of a report is evidence, and goes to its details."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})


class CloudEvent(BaseModel):
    """A CloudEvent 1.0 in structured mode. Attributes that are not named here are ignored."""

    model_config = ConfigDict(json_schema_extra={"example": _EVENT})

    specversion: Literal["1.0"]
    id: str = Field(min_length=1, max_length=_LONGEST_ATTRIBUTE)
    source: str = Field(min_length=1, max_length=_LONGEST_ATTRIBUTE)
    type: str = Field(min_length=1, max_length=_LONGEST_ATTRIBUTE)
    subject: str | None = Field(default=None, max_length=_LONGEST_ATTRIBUTE)
    time: Claimed | None = None
    datacontenttype: str | None = Field(
        default=None, pattern=r"^application/([a-z0-9.-]+\+)?json(;.*)?$", max_length=128
    )
    data: EventData = EventData()
    data_base64: None = Field(default=None, description="Not read: give `data` as JSON.")

    def read(self) -> cloudevents.CloudEvent:
        """Return it as everybody in Grace reads events."""
        return cloudevents.CloudEvent(
            id=self.id,
            source=self.source,
            type=self.type,
            subject=self.subject,
            time=self.time.isoformat() if self.time else None,
            data=self.data.model_dump(mode="json", exclude_unset=True),
        )


class BinaryMode(BaseModel):
    """The attributes of a CloudEvent 1.0 in binary mode; the body is its data."""

    ce_specversion: str | None = Field(default=None, description="`1.0`, for a CloudEvent.")
    ce_id: str | None = Field(default=None, description="A new one for each event.")
    ce_source: str | None = None
    ce_type: str | None = Field(default=None, description="The kind, where the body has none.")
    ce_subject: str | None = Field(default=None, description="The target, likewise.")
    ce_time: str | None = Field(default=None, description="RFC 3339.")

    def event(self, data: Report) -> CloudEvent | None:
        """Return the event whose data the body is; None where no header says that it is one."""
        given = {
            name.removeprefix("ce_"): unquote(value)
            for name, value in self.model_dump(exclude_none=True).items()
        }
        if not given:
            return None
        try:
            return CloudEvent.model_validate({**given, "data": data.model_dump(exclude_unset=True)})
        except ValidationError as error:
            raise refused(error, "header", prefix="ce-") from None


class Accepted(BaseModel):
    """What was taken: it is on disk and will be handled."""

    message_ids: list[UUID] = Field(
        description="One for each error. What is sent again with the same identity has the same."
    )
    redacted: int = Field(
        default=0,
        description="Secrets that were taken out of messages and details before anybody kept them. "
        "Replace each of them, since it was sent.",
    )


def _form(body: object) -> str:
    if isinstance(body, list):
        return "batch"
    return "event" if isinstance(body, dict) and "specversion" in body else "report"


Reported = Annotated[
    Annotated[Report, Tag("report")]
    | Annotated[CloudEvent, Tag("event")]
    | Annotated[list[CloudEvent], Field(min_length=1, max_length=_MOST_EVENTS), Tag("batch")],
    Discriminator(_form),
    Body(
        openapi_examples={
            "report": {"summary": "A report", "value": _REPORT},
            "event": {"summary": "A CloudEvent in structured mode", "value": _EVENT},
            "batch": {"summary": "CloudEvents in batched mode", "value": [_EVENT]},
        }
    ),
]


# FastAPI reads both as the JSON that they are, but would not say so.
_EVENT_SCHEMA = {"$ref": "#/components/schemas/CloudEvent"}
_FORMS: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/cloudevents+json": {"schema": _EVENT_SCHEMA, "example": _EVENT},
            "application/cloudevents-batch+json": {
                "schema": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": _MOST_EVENTS,
                    "items": _EVENT_SCHEMA,
                },
                "example": [_EVENT],
            },
        }
    }
}


@router.post("", status_code=202, summary="Report an error", openapi_extra=_FORMS)
async def report_error(
    reported: Reported, caller: Writer, binary: Annotated[BinaryMode, Header()]
) -> Envelope[Accepted]:
    """Take an error, also as a CloudEvent 1.0 in any mode: equal errors become one mission.

    202 once it is on disk, all of a batch or nothing. A CloudEvent that comes again as it was, by
    `id`, `source` and content, or an Idempotency-Key makes a repeat the same report. You answer for
    it, and may not approve what Grace plans because of it.
    """
    by = Reporter(caller, datetime.now(UTC))
    found = _found(reported, by, binary)
    await publish(caller, found)
    message_ids = [identity for identity, _ in found]
    return caller.answer(Accepted(message_ids=message_ids, redacted=len(by.removed)))


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports, when, and the kinds of the secrets that were taken out of what they say."""

    caller: Caller
    now: datetime
    removed: list[str] = field(default_factory=list)


def _found(
    reported: Report | CloudEvent | list[CloudEvent], by: Reporter, binary: BinaryMode
) -> list[tuple[UUID, ErrorDetected]]:
    if isinstance(reported, list):
        return [_from_event(event, by) for event in reported]
    event = binary.event(reported) if isinstance(reported, Report) else reported
    if event is not None:
        return [_from_event(event, by)]
    assert isinstance(reported, Report)  # noqa: S101 - what is no event is a report
    if reported.model_extra:
        raise _unknown(reported.model_extra)
    return [_from_report(reported, by)]


def _from_event(event: CloudEvent, by: Reporter) -> tuple[UUID, ErrorDetected]:
    read, now = event.read(), by.now
    fields = cloudevents.error_fields(read, now)
    claimed = event.data.detected_at or event.time
    error = _detected({**fields, "detected_at": seen_at(claimed, now), "sent_at": now}, by)
    # Its content, too: a sender that never takes a new id would report its second error to nobody.
    content = json.dumps([read.type, read.subject, read.data], sort_keys=True)
    parts = (by.caller.tenant, "cloudevents", read.source, read.id, content)
    return repeatable_id(*parts, at=event.time, now=now), error


def _from_report(report: Report, by: Reporter) -> tuple[UUID, ErrorDetected]:
    fields, caller, now = report.model_dump(exclude_none=True), by.caller, by.now
    fields["detected_at"] = seen_at(report.detected_at, now)
    fields.setdefault("source", caller.key.principal)
    if caller.idempotency_key is None:
        return new_id(), _detected(fields, by)
    parts = (caller.tenant, "key", caller.idempotency_key)
    return repeatable_id(*parts, at=None, now=now), _detected(fields | {"sent_at": now}, by)


def _detected(fields: dict[str, Any], by: Reporter) -> ErrorDetected:
    for name in ("kind", "target"):
        if name not in fields:
            raise _missing(name)
    severity = ErrorDetectedSeverity(fields["severity"])
    principal = by.caller.key.principal
    return detected({**fields, "severity": severity, "requested_by": principal}, by.removed)


def detected(fields: dict[str, Any], removed: list[str]) -> ErrorDetected:
    """Return the message without its secrets. 422 names the field that does not fit its contract."""
    clean = without_secrets(fields, removed)
    clean["message"] = clean["message"][:LONGEST_MESSAGE]
    try:
        return ErrorDetected(**{**clean, "details": fitting(clean["details"])})
    except ValidationError as error:
        raise refused(error, "body") from None


def refused(error: ValidationError, place: str, *, prefix: str = "") -> RequestValidationError:
    """Return the same refusal that a body gets which does not fit its description."""
    return RequestValidationError(
        [
            {**each, "loc": (place, *(f"{prefix}{part}" for part in each["loc"]))}
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    )


def fitting(details: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
    """Return evidence; in the place of one that is too long how long it was.

    The report itself must not be lost by it.
    """
    size = len(json.dumps(details))
    return details if size <= LONGEST_DETAILS else {"dropped_characters": size}


def _unknown(fields: Iterable[str]) -> RequestValidationError:
    what = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted", "input": None}
    return RequestValidationError([{**what, "loc": ("body", "report", name)} for name in fields])


def _missing(field: str) -> RequestValidationError:
    return RequestValidationError(
        [{"type": "missing", "loc": ("body", field), "msg": "Field required", "input": None}]
    )
