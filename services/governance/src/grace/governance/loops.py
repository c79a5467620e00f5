"""What governance does on its own: let approvals expire, and say that workers may act."""

from datetime import UTC, datetime
from functools import partial

from grace.contracts.governance import ApprovalExpired, Permit
from grace.governance.domain.approvals import Request
from grace.governance.metrics import observe_latency
from grace.governance.store import Store, Switches
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

    async def tick(self, runtime: Runtime) -> bool:
        """Send one beacon out of what is read now, or none: a read that fails sends nothing."""
        async with runtime.reading() as tx:
            permit = await Switches(tx).read_permit()
        if permit is None:
            runtime.log.error("permit.unknown")
            return False
        await runtime.signal(
            Permit(
                version=permit.version,
                allowed=permit.allowed,
                reverts_allowed=permit.reverts_allowed,
                issued_at=datetime.now(UTC),
            )
        )
        return False


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
