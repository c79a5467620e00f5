"""The intake: errors that people and programs report, each durable before it is accepted."""

import json
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

from grace.contracts.intent import ErrorDetected, ErrorDetectedSeverity
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.api.instants import Instant
from grace.gateway.api.publishing import publish
from grace.gateway.domain.access import Scope
from grace.gateway.domain.intake import name_of, repeatable_id, seen_at
from grace.kit import new_id

router = APIRouter(prefix="/api/errors", tags=["intake"])

Writer = Annotated[Caller, needs(Scope.ERRORS_WRITE)]
Severity = Literal["info", "warning", "error", "critical"]
LONGEST_DETAILS = 16 * 1024
_LONGEST_ATTRIBUTE = 1024
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

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _REPORT})

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
    message: str = Field(default="", max_length=4096, description="For people.")
    severity: Severity = "error"
    source: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="The program that saw it; your principal where absent.",
    )
    detected_at: Instant | None = Field(
        default=None, description="With a time zone; now where absent."
    )
    details: dict[str, JsonValue] | None = Field(
        default=None, description="Evidence, at most 16 KiB. Never becomes a parameter."
    )

    @field_validator("details")
    @classmethod
    def _fits(cls, details: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if details is not None and len(json.dumps(details)) > LONGEST_DETAILS:
            raise ValueError(f"longer than {LONGEST_DETAILS} characters of JSON")
        return details


class CloudEvent(BaseModel):
    """A CloudEvent 1.0 in structured mode. Attributes that are not named here are ignored."""

    model_config = ConfigDict(json_schema_extra={"example": _EVENT})

    specversion: Literal["1.0"]
    id: str = Field(min_length=1, max_length=_LONGEST_ATTRIBUTE)
    source: str = Field(min_length=1, max_length=_LONGEST_ATTRIBUTE)
    type: str = Field(min_length=1, max_length=_LONGEST_ATTRIBUTE)
    subject: str | None = Field(default=None, max_length=_LONGEST_ATTRIBUTE)
    time: Instant | None = None
    datacontenttype: str | None = Field(
        default=None, pattern=r"^application/([a-z0-9.-]+\+)?json(;.*)?$", max_length=128
    )
    data: Report = Report()
    data_base64: None = Field(default=None, description="Not read: give `data` as JSON.")


class BinaryMode(BaseModel):
    """The attributes of a CloudEvent 1.0 in binary mode; the body is its data."""

    ce_specversion: str | None = Field(default=None, description="`1.0`, for a CloudEvent.")
    ce_id: str | None = Field(default=None, description="With the source it names the event.")
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
            return CloudEvent.model_validate({**given, "data": data})
        except ValidationError as error:
            raise refused(error, "header", prefix="ce-") from None


class Accepted(BaseModel):
    """What was taken: it is on disk and will be handled."""

    message_ids: list[UUID] = Field(
        description="One for each error. What is sent again with the same identity has the same."
    )


def _form(body: object) -> str:
    return "event" if isinstance(body, dict) and "specversion" in body else "report"


Reported = Annotated[
    Annotated[Report, Tag("report")] | Annotated[CloudEvent, Tag("event")],
    Discriminator(_form),
    Body(
        openapi_examples={
            "report": {"summary": "A report", "value": _REPORT},
            "event": {"summary": "A CloudEvent in structured mode", "value": _EVENT},
        }
    ),
]


# FastAPI reads it as the JSON that it is, but would not say so.
_STRUCTURED: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/cloudevents+json": {
                "schema": {"$ref": "#/components/schemas/CloudEvent"},
                "example": _EVENT,
            }
        }
    }
}


@router.post("", status_code=202, summary="Report an error", openapi_extra=_STRUCTURED)
async def report_error(
    reported: Reported, caller: Writer, binary: Annotated[BinaryMode, Header()]
) -> Envelope[Accepted]:
    """Take an error, also as a CloudEvent 1.0: equal errors become one mission.

    202 once it is on disk. `id` and `source` of a CloudEvent, or an Idempotency-Key, make a repeat
    the same report. You answer for it, and may not approve what Grace plans because of it.
    """
    event = binary.event(reported) if isinstance(reported, Report) else reported
    report = reported if isinstance(reported, Report) else reported.data
    now = datetime.now(UTC)
    identity = _id(event, caller, now)
    await publish(caller, [(identity, _detected(report, event, caller, now))])
    return caller.answer(Accepted(message_ids=[identity]))


def _detected(
    report: Report, event: CloudEvent | None, caller: Caller, now: datetime
) -> ErrorDetected:
    kind = report.kind or (event.type if event else None)
    target = report.target or (event.subject if event else None)
    if kind is None or target is None:
        raise _missing("kind" if kind is None else "target")
    source = name_of(event.source) if event else caller.key.principal
    claimed = report.detected_at or (event.time if event else None)
    return detected(
        source=report.source or source,
        kind=kind,
        target=target,
        message=report.message,
        severity=ErrorDetectedSeverity(report.severity),
        detected_at=seen_at(claimed, now),
        details=report.details,
        requested_by=caller.key.principal,
    )


def detected(**fields: Any) -> ErrorDetected:  # noqa: ANN401 - the fields of the message
    """Return the message. 422 names the field that does not fit its contract."""
    try:
        return ErrorDetected(**fields)
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


def _missing(field: str) -> RequestValidationError:
    return RequestValidationError(
        [{"type": "missing", "loc": ("body", field), "msg": "Field required", "input": None}]
    )


def _id(event: CloudEvent | None, caller: Caller, now: datetime) -> UUID:
    """What somebody sends twice under one identity is one report, whoever took it."""
    if event is not None:
        return repeatable_id(
            caller.tenant, "cloudevents", event.source, event.id, at=event.time, now=now
        )
    if caller.idempotency_key is not None:
        return repeatable_id(caller.tenant, "key", caller.idempotency_key, at=None, now=now)
    return new_id()
