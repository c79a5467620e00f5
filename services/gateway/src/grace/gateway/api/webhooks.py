"""Webhooks: what other systems send in their own form."""

import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.intent import ErrorDetected, ErrorDetectedSeverity
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.api.instants import Claimed
from grace.gateway.api.intake import Accepted, detected
from grace.gateway.api.publishing import publish
from grace.gateway.domain.access import Scope
from grace.gateway.domain.intake import seen_at
from grace.kit import new_id

router = APIRouter(prefix="/api/webhooks", tags=["intake"])

Writer = Annotated[Caller, needs(Scope.ERRORS_WRITE)]
_KIND, _TARGET = "grace_kind", "grace_target"
_ID = re.compile(ID_PATTERN)
_MOST_ALERTS = 1000
_MOST_LABELS = 100
_MOST_PROBLEMS = 20
Labels = Annotated[dict[str, str], Field(max_length=_MOST_LABELS)]


class Alert(BaseModel):
    """One alert. What is not named here is not read."""

    status: Literal["firing", "resolved"]
    labels: Labels
    annotations: Labels = {}
    starts_at: Claimed | None = Field(default=None, alias="startsAt")
    ends_at: Claimed | None = Field(default=None, alias="endsAt")
    fingerprint: str = Field(default="", max_length=256)

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself."""
        return self.status == "resolved"

    @property
    def is_addressed(self) -> bool:
        """Whether its labels say what Grace needs to know."""
        return _KIND in self.labels and _TARGET in self.labels

    @property
    def instance(self) -> str:
        """Which alert it is: those of several instances may be one error, to Grace."""
        if _ID.fullmatch(self.fingerprint):
            return self.fingerprint
        return sha256(json.dumps(self.labels, sort_keys=True).encode()).hexdigest()[:32]


class Notification(BaseModel):
    """What Alertmanager sends to a webhook (version 4)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": "4",
                "groupKey": "{}:{alertname='BlockedSessions'}",
                "status": "firing",
                "receiver": "grace",
                "truncatedAlerts": 0,
                "alerts": [
                    {
                        "status": "firing",
                        "labels": {
                            "alertname": "BlockedSessions",
                            "severity": "critical",
                            "grace_kind": "postgres.blocked_sessions",
                            "grace_target": "shop-db",
                        },
                        "annotations": {"summary": "12 sessions wait"},
                        "startsAt": "2026-11-20T12:00:00Z",
                        "fingerprint": "c1f2a3",
                    }
                ],
            }
        }
    )

    version: Literal["4"]
    alerts: list[Alert] = Field(max_length=_MOST_ALERTS)
    truncated_alerts: int = Field(default=0, ge=0, strict=True, alias="truncatedAlerts")


class Taken(Accepted):
    """What became of the alerts of a notification."""

    resolved: int = Field(
        description="Alerts that are over. An error is over with the last of its alerts."
    )
    unaddressed: int = Field(description=f"Alerts without the labels {_KIND} and {_TARGET}.")
    truncated: int = Field(description="Alerts that Alertmanager left out by itself.")
    refused: list[str] = Field(description="Why alerts could not be taken, the first 20.")


@router.post("/alertmanager", status_code=202, summary="Take a notification of Alertmanager")
async def take_notification(notification: Notification, caller: Writer) -> Envelope[Taken]:
    """Report each alert with the labels `grace_kind` and `grace_target` as an error, or as its end.

    202 once they are on disk; the answer counts what was left aside. An alert that still fires when
    Alertmanager repeats itself is reported again: if its mission has ended, it gets a new one. What
    is resolved before it has a plan gets none, once every alert that fired for it is resolved, in
    whichever notifications.
    """
    addressed = [alert for alert in notification.alerts if alert.is_addressed]
    taken = Taken(
        message_ids=[],
        resolved=sum(alert.is_over for alert in notification.alerts),
        unaddressed=len(notification.alerts) - len(addressed),
        truncated=notification.truncated_alerts,
        refused=[],
    )
    removed: list[str] = []
    found = [(new_id(), error) for error in _errors(addressed, caller, taken.refused, removed)]
    await publish(caller, found)
    taken.message_ids.extend(identity for identity, _ in found)
    taken.redacted = len(removed)
    if left := taken.unaddressed + len(taken.refused):
        # Alertmanager reads no answer: people hear of it here, or wonder why nothing happens.
        caller.runtime.log.warning(
            "alerts.left_aside", alerts=left, needed=[_KIND, _TARGET], refused=taken.refused
        )
    return caller.answer(taken)


def _errors(
    alerts: list[Alert], caller: Caller, refused: list[str], removed: list[str]
) -> list[ErrorDetected]:
    """Return what can be reported; one alert that cannot must not hold up the others.

    What fires goes first: an error that goes on for one instance never looks over because of another.
    """
    found = []
    for number, alert in enumerate(alerts, start=1):
        try:
            found.append(_error(alert, caller, removed))
        except RequestValidationError as error:
            refused.append(f"addressed alert {number}: {_problem(error)}")
    del refused[_MOST_PROBLEMS:]
    return sorted(found, key=lambda error: bool(error.resolved))


def _error(alert: Alert, caller: Caller, removed: list[str]) -> ErrorDetected:
    notes = alert.annotations
    message = notes.get("summary") or notes.get("description") or alert.labels.get("alertname", "")
    fields = {
        "source": "alertmanager",
        "kind": alert.labels[_KIND],
        "target": alert.labels[_TARGET],
        "message": message,
        "severity": _severity(alert.labels.get("severity", "")),
        "detected_at": seen_at(_claimed(alert), datetime.now(UTC)),
        "resolved": alert.is_over or None,
        "instance": alert.instance,
        "details": alert.model_dump(include={"labels", "annotations", "fingerprint"}),
        "requested_by": caller.key.principal,
    }
    return detected(fields, removed)


def _claimed(alert: Alert) -> datetime | None:
    return alert.ends_at if alert.is_over else alert.starts_at


def _severity(label: str) -> ErrorDetectedSeverity:
    found = ErrorDetectedSeverity(label)
    is_known = found is not ErrorDetectedSeverity.unspecified
    return found if is_known else ErrorDetectedSeverity.error


def _problem(error: RequestValidationError) -> str:
    first = error.errors()[0]
    field = {"kind": _KIND, "target": _TARGET}.get(str(first["loc"][-1]), str(first["loc"][-1]))
    return f"{field}: {first['msg']}"
