# Made from grace.client.aio by grace.client.twins: do not edit.
"""Playbooks: checked, tested, tried over what was recorded, and taken into force."""

from datetime import datetime

from grace.client.sync.connection import Connection
from grace.contracts.intent import CheckedPlaybook, ImportedPlaybook, ShadowReport, TestedPlaybook

_PATH = "/api/playbooks"


class Playbooks(Connection):
    """The methods about playbooks."""

    def check_playbook(self, source: str) -> CheckedPlaybook:
        """What is wrong with the text of a playbook, by line."""
        return self._post(f"{_PATH}/check", CheckedPlaybook, {"source": source})

    def run_fixtures(self, source: str, fixtures: str) -> TestedPlaybook:
        """How a playbook does on its fixtures."""
        body = {"source": source, "fixtures": fixtures}
        return self._post(f"{_PATH}/test", TestedPlaybook, body)

    def import_playbook(self, source: str) -> ImportedPlaybook:
        """Take a playbook into force. Conflict where its version is pinned to another text."""
        return self._post(f"{_PATH}/import", ImportedPlaybook, {"source": source})

    def run_shadow(
        self, source: str | None = None, *, since: datetime | None = None, limit: int = 100
    ) -> ShadowReport:
        """What the rules in force, and a playbook, would have done about recorded missions."""
        body = {"source": source, "since": since and since.isoformat(), "limit": limit}
        return self._post(f"{_PATH}/shadow", ShadowReport, body)
