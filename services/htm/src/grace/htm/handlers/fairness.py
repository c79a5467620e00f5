"""Operators say who may hold how much, and look at who does."""

from grace.contracts.htm import (
    DropLimit,
    GetQuotas,
    GetRoutingStats,
    Limit,
    LimitChanged,
    Limits,
    ListLimits,
    OriginStats,
    Quotas,
    QuotasChanged,
    RoutingStats,
    SetLimit,
    SetQuotas,
)
from grace.contracts.htm import Quota as QuotaMessage
from grace.htm import store
from grace.htm.domain.limits import burst_of
from grace.htm.domain.limits import objection_to as objection_to_limit
from grace.htm.domain.shares import Quota, Shares, Usage, objection_to, usages_of, version_of
from grace.kit import Called, Invalid, NotFound, Runtime, Stale, Unit

_LARGEST_PAGE = 100


class CannotShare(Invalid):
    """Capacity cannot be shared out like this."""


class SharesMoved(Stale):
    """Capacity or quotas have changed since they were read; read them again."""


class CannotLimit(Invalid):
    """A key cannot have this limit."""


class UnknownLimit(NotFound):
    """This key has no limit."""


async def on_get_quotas(_call: Called[GetQuotas], runtime: Runtime) -> Quotas:
    """Tell capacity and quotas."""
    async with runtime.reading() as tx:
        shares, _ = await store.Quotas(tx).find_standing()
    return _told(shares)


async def on_set_quotas(call: Called[SetQuotas], unit: Unit) -> Quotas:
    """Put new shares in the place of all others; no claim that began before is still at work."""
    body = call.body
    quotas = [_quota(each) for each in body.quotas]
    if reason := objection_to(body.capacity, quotas):
        raise CannotShare(reason)
    shares = Shares(body.capacity, {quota.origin: quota for quota in quotas})
    await store.Line(unit.tx).lock_claims()
    if body.if_version is not None:
        found, _ = await store.Quotas(unit.tx).find_standing()
        if version_of(found) != body.if_version:
            raise SharesMoved
    await store.Quotas(unit.tx).set_shares(shares)
    unit.publish(
        QuotasChanged(capacity=body.capacity, quotas=body.quotas, requested_by=body.requested_by)
    )
    return _told(shares)


async def on_get_routing_stats(_call: Called[GetRoutingStats], runtime: Runtime) -> RoutingStats:
    """Tell who holds how much at this moment."""
    async with runtime.reading() as tx:
        shares, held = await store.Quotas(tx).find_standing()
    return RoutingStats(
        capacity=shares.capacity,
        current_count=held.total,
        origins=tuple(map(_stats, usages_of(shares, held.queues))),
    )


async def on_list_limits(call: Called[ListLimits], runtime: Runtime) -> Limits:
    """Tell a page of a tenant's limits."""
    body = call.body
    async with runtime.reading() as tx:
        found = await store.Limits(tx).list_limits(
            body.tenant_id, after=body.after or "", most=min(body.limit, _LARGEST_PAGE)
        )
    return Limits(limits=tuple(found))


async def on_set_limit(call: Called[SetLimit], unit: Unit) -> Limit:
    """Give a key its limit; no claim that began before is still at work."""
    body = call.body
    rate, burst = body.rate_per_second, body.burst
    if reason := objection_to_limit(body.concurrency, rate, burst):
        raise CannotLimit(reason)
    await store.Line(unit.tx).lock_claims()
    limit = await store.Limits(unit.tx).set_limit(
        (body.tenant_id, body.key),
        concurrency=body.concurrency,
        rate_per_second=rate,
        burst=burst_of(rate) if rate is not None and burst is None else burst,
    )
    _tell(unit, body, limit, "set")
    return limit


async def on_drop_limit(call: Called[DropLimit], unit: Unit) -> Limit:
    """Take a key's limit away."""
    body = call.body
    limit = await store.Limits(unit.tx).drop_limit((body.tenant_id, body.key))
    if limit is None:
        raise UnknownLimit
    _tell(unit, body, limit, "dropped")
    return limit


def _tell(unit: Unit, asked: SetLimit | DropLimit, limit: Limit, change: str) -> None:
    changed = LimitChanged(
        tenant_id=asked.tenant_id,
        key=asked.key,
        change=change,
        concurrency=limit.concurrency,
        rate_per_second=limit.rate_per_second,
        burst=limit.burst,
        requested_by=asked.requested_by,
    )
    unit.publish(changed, tenant=asked.tenant_id)


def _quota(given: QuotaMessage) -> Quota:
    return Quota(given.origin, given.share_percent, given.weight, given.lends)


def _told(shares: Shares) -> Quotas:
    quotas = sorted(shares.quotas.values(), key=lambda quota: quota.origin)
    return Quotas(
        capacity=shares.capacity,
        quotas=tuple(
            QuotaMessage(
                origin=quota.origin,
                share_percent=quota.share_percent,
                weight=quota.weight,
                lends=quota.lends,
            )
            for quota in quotas
        ),
        version=version_of(shares),
    )


def _stats(usage: Usage) -> OriginStats:
    return OriginStats(
        origin=usage.origin,
        current_count=usage.held,
        quota=usage.part,
        quota_used=f"{usage.held}/{usage.part}",
        utilization=usage.utilization,
    )
