"""Keeps secrets out of what is stored for good, and counts what is meant for a program."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi.exceptions import RequestValidationError

from grace.contracts.hunter import (
    Finding,
    cleaned,
    cleaned_json,
    has_secret,
    secret_in,
    suspected_in,
)
from grace.gateway import metrics

# Programs send these, and cannot be asked to say it otherwise: they are cleaned, not refused.
_CLEANED = ("/api/errors", "/api/webhooks/")
_NAMES = ("kind", "target", "source", "instance")


def hunt(path: str, body: bytes) -> None:
    """Look through a clean body; 422 tells where a secret is, if it is not for a path that cleans."""
    text = _legible(body)
    for kind in suspected_in(text):
        metrics.SUSPICIONS.labels(kind).inc()
    if path.startswith(_CLEANED) or not has_secret(text):
        return
    if (finding := secret_in(json.loads(body), "body")) is not None:
        raise refusal(finding)


def without_secrets(fields: dict[str, Any], removed: list[str]) -> dict[str, Any]:
    """Return what somebody reports without its secrets, whose kinds go to `removed`.

    422 where one stands in a name: with anything in its place it would name something else.
    """
    for name in _NAMES:
        if (finding := secret_in(fields.get(name), f"body.{name}")) is not None:
            raise refusal(finding)
    found: list[str] = []
    clean = {
        "message": cleaned(fields.get("message") or "", found),
        "details": cleaned_json(fields.get("details"), found),
    }
    for kind in found:
        metrics.SECRETS.labels(kind, "removed").inc()
    removed.extend(found)
    return fields | clean


def refusal(finding: Finding) -> RequestValidationError:
    """Return the refusal of a secret. It names the place and the kind, and repeats nothing."""
    metrics.SECRETS.labels(finding.kind, "refused").inc()
    why = (
        f"Holds a secret ({finding.kind}). Grace keeps what it is told for good: name secrets in the "
        "targets file of a worker, and replace this one, since it was sent."
    )
    where = tuple(finding.where.split("."))
    return RequestValidationError([{"type": "secret", "loc": where, "msg": why, "input": None}])


def _legible(body: bytes) -> str:
    """Return all that is said in a body; behind an escape of JSON anything may hide."""
    text = body.decode()
    return text if "\\" not in text else "\n".join(_texts(json.loads(text)))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for key, each in value.items():
                yield key
                yield from _texts(each)
