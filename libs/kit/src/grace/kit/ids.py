"""Message and row ids: UUIDv7, so that an id tells when it was made and sorts by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import uuid_utils

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_V7 = 7


def new_id() -> UUID:
    """A new UUIDv7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def issued_at(identity: UUID) -> datetime | None:
    """When a UUIDv7 was made, to the millisecond; None for any other UUID."""
    if identity.version != _V7:
        return None
    return _EPOCH + timedelta(milliseconds=identity.int >> 80)


def derived_id(*parts: str) -> UUID:
    """The same id for the same parts: names what came without an id of its own."""
    return uuid5(NAMESPACE_OID, "\x1f".join(parts))
