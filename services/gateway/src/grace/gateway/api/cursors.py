"""Cursors of pages: sealed, so that none is believed that this gateway did not give."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from starlette.exceptions import HTTPException

_MAC_BYTES = 16


class ForgedCursor(HTTPException):
    """The cursor is none of ours."""

    def __init__(self) -> None:
        super().__init__(
            400, "The cursor is none of ours: give `meta.next_cursor` of a page as it is."
        )


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals the cursors of one tenant's list."""

    key: bytes
    tenant_id: str
    path: str

    def sealed(self, cursor: str) -> str:
        """Return the cursor as it is given away."""
        return f"{cursor}.{self._mac(cursor)}"

    def check(self, sealed: str) -> None:
        """ForgedCursor unless it was sealed for this tenant and this list."""
        cursor, _, mac = sealed.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(cursor).encode()):
            raise ForgedCursor

    def _mac(self, cursor: str) -> str:
        text = f"{self.tenant_id}\n{self.path}\n{cursor}"
        digest = hmac.digest(self.key, text.encode(), "sha256")[:_MAC_BYTES]
        return urlsafe_b64encode(digest).decode().rstrip("=")
