"""What people and programs tell Grace: intents, and errors that they saw."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Accepted, Page
from grace.contracts.intent import Intent, Preview

_PATH = "/api/intents"


class Intents(Connection):
    """The methods about intents and errors."""

    async def submit(
        self,
        goal: str,
        domain: str,
        *,
        intent_id: str | None = None,
        kind: str | None = None,
        target: str | None = None,
        priority: str | None = None,
        sla_ms: int = 30_000,
        details: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Intent:
        """Hand an intent in. The same `intent_id`, or `key`, and content is the same intent.

        You answer for it, and may not approve what Grace plans because of it.
        """
        body = {
            "intent_id": _id_of(key) if intent_id is None else intent_id,
            "goal": goal,
            "domain": domain,
            "kind": kind,
            "target": target,
            "priority": priority,
            "sla_ms": sla_ms,
            "details": details,
        }
        return await self._post(f"{_PATH}/submit", Intent, body, key=key)

    async def preview(
        self,
        goal: str,
        domain: str,
        *,
        kind: str | None = None,
        target: str | None = None,
        priority: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Preview:
        """What would be done for an intent, with what each operation would change: a dry run."""
        body = {
            "intent_id": "dry-run",
            "goal": goal,
            "domain": domain,
            "kind": kind,
            "target": target,
            "priority": priority,
            "sla_ms": 30_000,
            "details": details,
        }
        return await self._post(f"{_PATH}/submit", Preview, body, query={"dry_run": True})

    async def intents(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Intent]:
        """A page of intents, newest first."""
        return await self._page(_PATH, Intent, status=status, limit=limit, cursor=cursor)

    def each_intent(self, *, status: str | None = None) -> AsyncIterator[Intent]:
        """Every intent, newest first."""
        return self._each(_PATH, Intent, status=status)

    async def intent(self, intent_id: str) -> Intent:
        """One intent and where it stands."""
        return await self._get(f"{_PATH}/{part(intent_id)}", Intent)

    async def wait_for_intent(
        self,
        intent_id: str,
        *,
        timeout: float = 60.0,
        pause: float = 0.2,
        tell: Callable[[Intent], None] | None = None,
    ) -> Intent:
        """Return an intent once it has ended, however it did. StillOpen after `timeout` seconds."""
        return await self._ended(
            lambda: self.intent(intent_id),
            lambda intent: intent.closed_at is not None,
            what=intent_id,
            timeout=timeout,
            pause=pause,
            tell=tell,
        )

    async def report_error(
        self,
        kind: str,
        target: str,
        message: str,
        *,
        source: str | None = None,
        severity: str = "error",
        detected_at: datetime | None = None,
        details: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Accepted:
        """Report an error that was seen. The answer says that it is kept, not that it is mended.

        You answer for it, and may not approve what Grace plans because of it.
        """
        body = {
            "source": source,
            "kind": kind,
            "target": target,
            "message": message,
            "severity": severity,
            "detected_at": detected_at.isoformat() if detected_at else None,
            "details": details,
        }
        return await self._post("/api/errors", Accepted, body, key=key)


def _id_of(key: str | None) -> str:
    """The intent's name where nobody named it: who repeats a key means the same intent."""
    return f"intent-{uuid4() if key is None else uuid5(NAMESPACE_URL, key)}"
