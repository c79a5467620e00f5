"""Alerts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from grace.kit import Record, Transaction
from grace.observability.domain.alert import (
    INSTALLATION,
    OF_INSTALLATION,
    Alert,
    AlertKey,
    Kind,
    Reading,
    Severity,
    State,
)
from grace.observability.store.statements import QUERIES


class Alerts:
    """Alerts, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def opened(self) -> list[Alert]:
        """Return every open alert."""
        return _alerts(await self._tx.fetch(QUERIES["open_alerts"]))

    async def raise_new(self, raised: Sequence[tuple[str, Reading]]) -> list[Alert]:
        """Open alerts under these ids; return those that nobody else has opened."""
        rows = await self._tx.fetch(
            QUERIES["raise_alerts"],
            ids=[alert_id for alert_id, _ in raised],
            tenants=[each.key.tenant for _, each in raised],
            kinds=[each.key.kind for _, each in raised],
            subjects=[each.key.subject for _, each in raised],
            severities=[each.severity for _, each in raised],
            messages=[each.message[:500] for _, each in raised],
            amounts=[float(each.value) for _, each in raised],
            thresholds=[float(each.raise_at) for _, each in raised],
        )
        return _alerts(rows)

    async def see(self, seen: Sequence[Alert]) -> None:
        """Write down what was measured of alerts that still hold."""
        await self._tx.execute(
            QUERIES["see_alerts"],
            ids=[each.alert_id for each in seen],
            severities=[each.severity for each in seen],
            messages=[each.message[:500] for each in seen],
            amounts=[float(each.value) for each in seen],
        )

    async def resolve(self, resolved: Sequence[Alert]) -> list[Alert]:
        """Resolve alerts; return those that were open."""
        rows = await self._tx.fetch(
            QUERIES["resolve_alerts"],
            ids=[each.alert_id for each in resolved],
            amounts=[float(each.value) for each in resolved],
        )
        return _alerts(rows)

    async def of_tenant(
        self, tenant: str, *, status: State | None, before: str | None, most: int
    ) -> list[Alert]:
        """Return a tenant's alerts and those of the installation, the newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_alerts"],
            tenant=tenant,
            installation=INSTALLATION,
            kinds=list(OF_INSTALLATION),
            status=status,
            before=before,
            most=most,
        )
        return _alerts(rows)

    async def severities(self, tenant: str) -> Counter[str]:
        """Count the open alerts that a tenant sees, by severity."""
        rows = await self._tx.fetch(
            QUERIES["count_alerts"],
            tenant=tenant,
            installation=INSTALLATION,
            kinds=list(OF_INSTALLATION),
        )
        return Counter({row["severity"]: row["alerts"] for row in rows})

    async def prune(self, retention: timedelta) -> None:
        """Drop what was resolved long ago."""
        await self._tx.execute(QUERIES["prune_alerts"], retention=retention)


def _alerts(rows: Iterable[Record]) -> list[Alert]:
    return [_alert(row) for row in rows]


def _alert(row: Record) -> Alert:
    return Alert(
        alert_id=row["alert_id"],
        key=AlertKey(row["tenant_id"], Kind(row["kind"]), row["subject"]),
        severity=Severity(row["severity"]),
        status=State(row["status"]),
        message=row["message"],
        value=row["value"],
        threshold=row["threshold"],
        raised_at=row["raised_at"],
        seen_at=row["seen_at"],
        resolved_at=row["resolved_at"],
    )
