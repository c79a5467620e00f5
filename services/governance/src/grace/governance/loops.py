"""What governance does on its own: let approvals expire, and say that workers may act."""

from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from grace.contracts.governance import ApprovalExpired
from grace.contracts.governance import Permit as PermitSignal
from grace.governance.domain.approvals import Request
from grace.governance.domain.permits import Permit
from grace.governance.metrics import observe_latency
from grace.governance.store import Store
from grace.kit import Runtime, Unit

_AT_ONCE = 100


class Expire:
    """Close approvals that nobody decided in time."""

    async def tick(self, runtime: Runtime) -> bool:
        """Close some that are due. True where more may be."""
        async with runtime.unit() as unit:
            closed = await Store(unit.tx).expire_requests(now=await unit.now(), limit=_AT_ONCE)
            for request in closed:
                _announce_expiry(request, unit)
        return len(closed) == _AT_ONCE


class Beacon:
    """Tell workers several times a second that they may act: silence forbids it."""

    def __init__(self, reread: timedelta) -> None:
        self._reread = reread.total_seconds()
        self._permit: Permit | None = None
        self._read_at = 0.0

    async def tick(self, runtime: Runtime) -> bool:
        """Send one beacon out of what was read less than a moment ago, or none."""
        permit = await self._current(runtime)
        if permit is None:
            runtime.log.error("permit.unknown")
            return False
        await runtime.signal(
            PermitSignal(
                version=permit.version,
                allowed=permit.allowed,
                reverts_allowed=permit.reverts_allowed,
                issued_at=datetime.now(UTC),
            )
        )
        return False

    async def _current(self, runtime: Runtime) -> Permit | None:
        """Return the permit. It is forgotten first, so that a failed read leaves nothing to send."""
        started = monotonic()
        if self._permit is None or started - self._read_at >= self._reread:
            self._permit = None
            async with runtime.unit() as unit:
                self._permit = await Store(unit.tx).read_permit()
            self._read_at = started
        return self._permit


def _announce_expiry(request: Request, unit: Unit) -> None:
    expired_at = request.decided_at or request.expires_at
    unit.publish(
        ApprovalExpired(
            approval_id=request.approval_id,
            mission_id=request.mission_id,
            tenant_id=request.tenant_id,
            expired_at=expired_at,
        ),
        tenant=request.tenant_id,
        correlation_id=request.correlation_id,
    )
    waited = expired_at - request.requested_at
    unit.after_commit(
        partial(observe_latency, tier=request.tier, outcome=request.status, waited=waited)
    )
