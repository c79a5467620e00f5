"""What governance does on its own: let approvals expire, and say that workers may act."""

from datetime import UTC, datetime, timedelta
from functools import partial

from grace.contracts.governance import ApprovalExpired, Permit
from grace.governance.domain.approvals import Request
from grace.governance.domain.reminders import Rhythm, next_reminder
from grace.governance.metrics import gauge_open_reviews, observe_latency
from grace.governance.store import (
    Reminders,
    Reviews,
    Store,
    Switches,
    due_message,
    reminder_message,
)
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


class Remind:
    """Say again that approvals wait, each time to a group further up the chain."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm

    async def tick(self, runtime: Runtime) -> bool:
        """Remind of some that are due. True where more may be."""
        async with runtime.unit() as unit:
            now = await unit.now()
            waiting = await Reminders(unit.tx).lock_waiting(
                now=now, interval=self._rhythm.interval, limit=_AT_ONCE
            )
            said = [(w, next_reminder(w.reminders, self._rhythm, now=now)) for w in waiting]
            if said:
                await Reminders(unit.tx).keep(said)
            for each, reminder in said:
                unit.publish(
                    reminder_message(each, reminder),
                    tenant=each.tenant_id,
                    correlation_id=each.correlation_id,
                )
        return len(waiting) == _AT_ONCE


class RemindReviews:
    """Say again that broken glass waits for a second person. Nothing but that person ends it."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    async def tick(self, runtime: Runtime) -> bool:
        """Remind of some that are due. True where more may be."""
        async with runtime.unit() as unit:
            reviews = Reviews(unit.tx)
            due = await reviews.remind(
                now=await unit.now(), interval=self._interval, limit=_AT_ONCE
            )
            for review in due:
                unit.publish(due_message(review), tenant=review.tenant_id)
            count = await reviews.count_open()
            unit.after_commit(partial(gauge_open_reviews, count))
        return len(due) == _AT_ONCE


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
