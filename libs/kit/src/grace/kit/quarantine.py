"""What a service could not handle: people look at it, have it handled again, or let it go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from grace.contracts.kit import (
    KeptMessage,
    ListQuarantined,
    QuarantinePage,
    QuarantineSettled,
    SettleQuarantined,
)
from grace.contracts.permissions import durable
from grace.kit.bisection import dispatch
from grace.kit.envelope import OLDEST, Raw, Received
from grace.kit.errors import Conflict, GraceError, Invalid, NotFound
from grace.kit.intake import key_id_of, open_raw
from grace.kit.loops import is_waiting
from grace.kit.stream import BatchRoute, Called, Rpc, Stream
from grace.kit.unit import KEPT_BYTES, QUERIES, Rejected, Unit

if TYPE_CHECKING:
    from asyncpg import Record

    from grace.kit.runtime import Runtime

_MOST: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUSE: Final = "default"  # It is nobody's but the house's: who sent it may be unknown.


class Quarantine:
    """Answers what people ask and order of the quarantine of one service."""

    def __init__(self, service: str, stream: Stream) -> None:
        self._routes = {durable(service, route.spec.name): route for route in stream.routes}

    def on(self, rpc: Rpc) -> Rpc:
        """The service's own requests, and these."""
        routes = Rpc([*rpc.routes])
        return routes.direct(ListQuarantined, self.read).direct(SettleQuarantined, self.settle)

    async def read(self, called: Called[ListQuarantined], runtime: Runtime) -> QuarantinePage:
        """Return a page, newest first. Invalid for a place that there cannot be."""
        before = _split(called.body.before) if called.body.before else (None, None)
        async with runtime.reading() as tx:
            rows = await tx.fetch(
                QUERIES["quarantined"],
                before_at=before[0],
                before_id=before[1],
                most=min(called.body.limit, _MOST),
            )
        return QuarantinePage(messages=tuple(map(_kept, rows)))

    async def settle(
        self, called: Called[SettleQuarantined], runtime: Runtime
    ) -> QuarantineSettled:
        """Handle a message again or let it go, in the transaction that takes it out of the quarantine.

        NotFound where it is not there any more; Conflict with the reason where it is refused again. It stays, then.
        """
        order = called.body
        row = await _read(_id_of(order.quarantine_id), runtime)
        try:
            async with runtime.unit(
                consumer=row["consumer"], correlation_id=called.correlation_id
            ) as unit:
                await _take(row, unit)
                outcome, detail = "discarded", ""
                if order.replay:
                    outcome, detail = await self._replay(row, unit)
                settled = _settled(row, order, outcome, detail)
                unit.publish(settled, tenant=_HOUSE, correlation_id=called.correlation_id)
        except Exception as error:
            if isinstance(error, GraceError) or is_waiting(error):
                raise
            runtime.log.exception("quarantine.failed_again", quarantine_id=order.quarantine_id)
            raise Conflict(
                f"It failed again: {type(error).__name__}; the log of {runtime.name} says where."
            ) from None
        runtime.log.info("quarantine.settled", quarantine_id=order.quarantine_id, outcome=outcome)
        return settled

    async def _replay(self, row: Record, unit: Unit) -> tuple[str, str]:
        """Return what came of it. Conflict where it is refused, by the door or by its handler."""
        route = self._routes.get(row["consumer"])
        if route is None:
            raise Conflict("It came with a request, whose asker has gone: it can only be let go.")
        message = await _opened(row, route, unit.runtime)
        try:
            await dispatch(route, [message], unit)
        except GraceError as error:
            if is_waiting(error):
                raise
            raise Conflict(f"Its handler refuses it: {error.detail}") from None
        for refused in unit.refused:
            raise Conflict(f"It is refused again: {refused.reason}: {refused.detail}")
        return ("unchanged", unit.ignored[0]) if unit.ignored else ("handled", "")


async def _read(identity: UUID, runtime: Runtime) -> Record:
    async with runtime.reading() as tx:
        row = await tx.fetchrow(QUERIES["read_quarantined"], id=identity)
    if row is None:
        raise NotFound("There is no such message in the quarantine, or not any more.")
    return row


async def _take(row: Record, unit: Unit) -> None:
    """Whoever comes at the same time waits here, and finds nothing."""
    if not await unit.tx.execute(QUERIES["drop_quarantined"], id=row["id"]):
        raise NotFound("Somebody else has just settled this message.")


async def _opened(row: Record, route: BatchRoute, runtime: Runtime) -> Received[Any]:
    """Return the message, if it passes the door now."""
    body: bytes = row["body"]
    if not body:
        raise Conflict("Nothing of it was kept, so that it can only be let go.")
    if datetime.now(UTC) - row["received_at"] > OLDEST:  # the door looks at signed ones alone
        raise Conflict(
            "It came too long ago: nobody can tell any more whether it was handled since."
        )
    headers = json.loads(row["headers"])
    raw = Raw(row["subject"], body, headers, f"quarantine:{row['id']}", row["received_at"])
    if key_id := key_id_of(raw):
        await runtime.keys.learn({key_id})
    found = open_raw(raw, route, runtime.keys)
    if isinstance(found, Rejected):
        cut = " Of its bytes the first 64 KiB were kept." if len(body) == KEPT_BYTES else ""
        raise Conflict(f"It is refused still: {found.reason}: {found.detail}.{cut}")
    return found


def _settled(row: Record, order: SettleQuarantined, outcome: str, detail: str) -> QuarantineSettled:
    return QuarantineSettled(
        quarantine_id=order.quarantine_id,
        original_subject=row["subject"],
        original_id=row["message_id"],
        consumer=row["consumer"],
        outcome=outcome,
        detail=detail,
        sha256=row["sha256"],
        principal=order.principal,
        reason=order.reason,
    )


def _kept(row: Record) -> KeptMessage:
    told = {name: value for name, value in row.items() if name != "id"}
    place = f"{_microseconds(row['received_at'])}-{row['id']}"
    return KeptMessage(quarantine_id=str(row["id"]), place=place, **told)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _split(place: str) -> tuple[datetime, UUID]:
    """Return what a place stands for."""
    since, _, identity = place.partition("-")
    try:
        return _EPOCH + timedelta(microseconds=int(since)), UUID(identity)
    except (ValueError, OverflowError):
        raise Invalid("There is no such place in the quarantine.") from None


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such message in the quarantine.") from None
