# Made from grace.client.aio by grace.client.twins: do not edit.
"""API keys: who may ask SyncGrace for what."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from grace.client.ask import delete, part, read_nothing
from grace.client.models import ApiKey, NewApiKey, Page
from grace.client.sync.connection import Connection

_PATH = "/api/keys"


class Keys(Connection):
    """The methods about API keys."""

    def keys(self, *, limit: int = 50, cursor: str | None = None) -> Page[ApiKey]:
        """A page of API keys, newest first."""
        return self._page(_PATH, ApiKey, limit=limit, cursor=cursor)

    def each_key(self) -> Iterator[ApiKey]:
        """Every API key, newest first."""
        return self._each(_PATH, ApiKey)

    def make_key(
        self,
        principal: str,
        scopes: Sequence[str],
        *,
        name: str = "",
        expires_at: datetime | None = None,
        rate_limit: int | None = None,
    ) -> NewApiKey:
        """Make an API key. Its token is in this answer and never again.

        `rate_limit` is in requests a second, 0 for none; Forbidden unless the admin key asks.
        """
        body = {
            "principal": principal,
            "scopes": list(scopes),
            "name": name,
            "expires_at": expires_at.isoformat() if expires_at else None,
            "rate_limit": rate_limit,
        }
        return self._post(_PATH, NewApiKey, body)

    def revoke_key(self, key_id: str) -> None:
        """Close an API key for good."""
        read_nothing(self._send(delete(f"{_PATH}/{part(key_id)}")))
