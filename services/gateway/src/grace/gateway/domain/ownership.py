"""Whose message one is, by what it says: the log keeps the bytes that were signed, and no more."""

import json
from collections.abc import Iterator
from typing import Any

from grace.gateway.domain.access import HOUSE_TENANT


def may_read(body: bytes, tenant: str) -> bool:
    """Whether a message may be shown to a tenant: it is theirs, and names nobody else.

    What names no tenant (an error that was reported, a key) is for those who run the house alone:
    whose it is stands in no signed byte.
    """
    document = json.loads(body)
    named = tenants_in(body)
    if tenant == HOUSE_TENANT:
        return named <= {tenant}
    return named == {tenant} and _is_owned(document)


def tenants_in(body: bytes) -> set[str]:
    """Return every tenant that a message names, in whatever part of it."""
    found: set[str] = set()
    json.loads(body, object_hook=lambda part: found.update(_tenant_of(part)))
    return found


def _is_owned(document: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether a message names its tenant where its contract does: evidence from outside may, too."""
    if not isinstance(document, dict):
        return False
    items = [
        each
        for value in document.values()
        if isinstance(value, list)
        for each in value
        if isinstance(each, dict)
    ]
    return "tenant_id" in document or (bool(items) and all("tenant_id" in each for each in items))


def _tenant_of(part: dict[str, Any]) -> Iterator[str]:
    if part.get("tenant_id"):
        yield str(part["tenant_id"])
