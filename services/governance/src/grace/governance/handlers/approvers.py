"""Seats among the approvers: given and taken away by somebody else, and told to everybody."""

import re

from grace.contracts.governance import (
    Approver,
    ApproverRemoved,
    Approvers,
    ApproverSeated,
    ListApprovers,
    RemoveApprover,
    SeatApprover,
)
from grace.governance.domain.electorate import person
from grace.governance.store import Approver as Seat
from grace.governance.store import Approvers as Seats
from grace.kit import Called, Forbidden, Invalid, NotFound, Unit

LONGEST_PAGE = 1000
_GROUP = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class OwnSeat(Forbidden):
    """Nobody gives themselves a seat or takes it away; somebody else has to."""


class NoGroup(Invalid):
    """A group is 1 to 64 characters out of a-z 0-9 . _ - and begins with a letter or a digit."""


class UnknownApprover(NotFound):
    """No such approver."""


async def on_list_approvers(call: Called[ListApprovers], unit: Unit) -> Approvers:
    """Answer with a page, by name; who had a seat is shown, too."""
    body = call.body
    found = await Seats(unit.tx).page(
        body.tenant_id, after=body.after, limit=min(body.limit, LONGEST_PAGE)
    )
    return Approvers(approvers=tuple(_view(each) for each in found))


async def on_seat_approver(call: Called[SeatApprover], unit: Unit) -> Approver:
    """Give a seat or another group; what is so already is answered as it is."""
    body, who = call.body, person(call.body.principal)
    if who == person(body.actor):
        raise OwnSeat
    if not _GROUP.fullmatch(body.group):
        raise NoGroup
    seats, at = Seats(unit.tx), await unit.now()
    seated = await seats.seat(body.tenant_id, who, body.group, actor=person(body.actor), at=at)
    if seated is None:
        return _view(await _known(seats, body.tenant_id, who))
    told = ApproverSeated(
        tenant_id=body.tenant_id, principal=who, group=body.group, actor=body.actor, seated_at=at
    )
    unit.publish(told, tenant=body.tenant_id)
    return _view(seated)


async def on_remove_approver(call: Called[RemoveApprover], unit: Unit) -> Approver:
    """Take a seat away: the person decides no more, and their votes on what is pending fall."""
    body, who = call.body, person(call.body.principal)
    if who == person(body.actor):
        raise OwnSeat
    seats, at = Seats(unit.tx), await unit.now()
    removed = await seats.remove(body.tenant_id, who, actor=person(body.actor), at=at)
    if removed is None:
        return _view(await _known(seats, body.tenant_id, who))
    told = ApproverRemoved(tenant_id=body.tenant_id, principal=who, actor=body.actor, removed_at=at)
    unit.publish(told, tenant=body.tenant_id)
    return _view(removed)


async def _known(seats: Seats, tenant_id: str, principal: str) -> Seat:
    found = await seats.find(tenant_id, principal)
    if found is None:
        raise UnknownApprover
    return found


def _view(seat: Seat) -> Approver:
    return Approver(
        tenant_id=seat.tenant_id,
        principal=seat.principal,
        group=seat.group_name,
        seated_by=seat.seated_by,
        seated_at=seat.seated_at,
        removed_at=seat.removed_at,
        removed_by=seat.removed_by,
    )
