# Made from grace.client.aio by grace.client.twins: do not edit.
"""Observability: how everything is, what is wrong, and where it is going."""

from collections.abc import Iterator

from grace.client.models import Page
from grace.client.sync.connection import Connection
from grace.contracts.observability import (
    Alert,
    CurrentStress,
    Dashboard,
    RemediationStats,
    StressTrends,
)

_PATH = "/api/observability"


class Observability(Connection):
    """The methods about the state of everything."""

    def dashboard(self) -> Dashboard:
        """Everything at a glance: services, components, alerts, stress, remediation."""
        return self._get(f"{_PATH}/dashboard", Dashboard)

    def alerts(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Alert]:
        """A page of alerts, newest first; the open ones where no status is given."""
        return self._page(f"{_PATH}/alerts", Alert, status=status, limit=limit, cursor=cursor)

    def each_alert(self, *, status: str | None = None) -> Iterator[Alert]:
        """Every alert, newest first; the open ones where no status is given."""
        return self._each(f"{_PATH}/alerts", Alert, status=status)

    def stress(self, *, suite: str | None = None) -> CurrentStress:
        """The stress runs that go on, and the last one of every suite."""
        return self._get(f"{_PATH}/stress/current", CurrentStress, suite=suite)

    def stress_trends(self, *, suite: str | None = None, runs: int | None = None) -> StressTrends:
        """What the last runs of each suite come to."""
        return self._get(f"{_PATH}/stress/trends", StressTrends, suite=suite, runs=runs)

    def remediation_stats(self, *, recent: int | None = None) -> RemediationStats:
        """How failed stress runs were remedied, with the most recent ones."""
        return self._get(f"{_PATH}/remediation/stats", RemediationStats, recent=recent)
