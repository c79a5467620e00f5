"""What comes in from programs that are not Grace's: ids that a repeat has again."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

# A message older than a week is not read any more, and one from the future is not believed.
_OLDEST = timedelta(days=6)
_AHEAD = timedelta(minutes=1)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION, _VARIANT = 0x7, 0b10


def repeatable_id(*parts: str, at: datetime | None, now: datetime) -> UUID:
    """Return the same UUIDv7 for the same parts and time, so that a repeat is known as one.

    Its time is what happened then; without a time that can be believed it is the day's beginning.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    believed = at if at is not None and now - _OLDEST < at < now + _AHEAD else midnight
    milliseconds = (believed - _EPOCH) // timedelta(milliseconds=1)
    digest = hashlib.sha256(b"".join(_framed(part) for part in parts)).digest()
    high, low = int.from_bytes(digest[:2]) & 0xFFF, int.from_bytes(digest[8:16]) >> 2
    return UUID(int=milliseconds << 80 | _VERSION << 76 | high << 64 | _VARIANT << 62 | low)


def seen_at(claimed: datetime | None, now: datetime) -> datetime:
    """Return the time as claimed, where it can be one."""
    return claimed if claimed is not None and _EARLIEST < claimed < now + _AHEAD else now


def _framed(part: str) -> bytes:
    data = part.encode()
    return len(data).to_bytes(8, "big") + data
