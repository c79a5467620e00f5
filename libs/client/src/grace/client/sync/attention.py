# Made from grace.client.aio by grace.client.twins: do not edit.
"""What missions wait for: people who decide, and targets that others hold."""

from typing import Literal

from grace.client.ask import part
from grace.client.models import Page
from grace.client.sync.connection import Connection
from grace.contracts.verification import Mission, TargetHold


class Attention(Connection):
    """The way out of needs_attention, and the queue for each target."""

    def target_holds(self, *, limit: int = 50, cursor: str | None = None) -> Page[TargetHold]:
        """A page of held targets by name, each with who waits for it."""
        return self._page("/api/verification/holds", TargetHold, limit=limit, cursor=cursor)

    def decide_attention(
        self, mission_id: str, choice: Literal["accept", "retry_revert", "close"], *, reason: str
    ) -> Mission:
        """Let a mission that needs attention go on or end. Conflict where it needs nobody."""
        body = {"choice": choice, "reason": reason}
        return self._post(f"/api/missions/{part(mission_id)}/attention", Mission, body)
