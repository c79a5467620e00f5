"""Observability: how everything is, what is wrong, and where it is going."""

from collections.abc import AsyncIterator

from grace.client.aio.connection import Connection
from grace.client.models import Page
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

    async def dashboard(self) -> Dashboard:
        """Everything at a glance: services, components, alerts, stress, remediation."""
        return await self._get(f"{_PATH}/dashboard", Dashboard)

    async def alerts(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Alert]:
        """A page of alerts, newest first; the open ones where no status is given."""
        return await self._page(f"{_PATH}/alerts", Alert, status=status, limit=limit, cursor=cursor)

    def each_alert(self, *, status: str | None = None) -> AsyncIterator[Alert]:
        """Every alert, newest first; the open ones where no status is given."""
        return self._each(f"{_PATH}/alerts", Alert, status=status)

    async def stress(self, *, suite: str | None = None) -> CurrentStress:
        """The stress runs that go on, and the last one of every suite."""
        return await self._get(f"{_PATH}/stress/current", CurrentStress, suite=suite)

    async def stress_trends(
        self, *, suite: str | None = None, runs: int | None = None
    ) -> StressTrends:
        """What the last runs of each suite come to."""
        return await self._get(f"{_PATH}/stress/trends", StressTrends, suite=suite, runs=runs)

    async def remediation_stats(self, *, recent: int | None = None) -> RemediationStats:
        """How failed stress runs were remedied, with the most recent ones."""
        return await self._get(f"{_PATH}/remediation/stats", RemediationStats, recent=recent)
