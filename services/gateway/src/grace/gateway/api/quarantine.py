"""What services could not handle: people look at it, have it handled again, or let it go."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.kit import KeptMessage, ListQuarantined, QuarantineSettled, SettleQuarantined
from grace.contracts.subjects import SERVICES
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain.access import HOUSE_TENANT, Scope
from grace.kit import Forbidden, NotFound

router = APIRouter(prefix="/api/quarantine", tags=["quarantine"])

Reader = Annotated[Caller, needs(Scope.QUARANTINE_READ)]
Writer = Annotated[Caller, needs(Scope.QUARANTINE_WRITE)]
Service = Annotated[
    str, Path(pattern=ID_PATTERN, description=f"Whose: {', '.join(SERVICES)}.", examples=["htm"])
]


class NobodysMessages(Forbidden):
    """Messages in quarantine may be of any tenant: a key of the tenant `default` is needed."""


class Settling(BaseModel):
    """Why somebody settles a message."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"reason": "The handler is mended in 0.1.1."}},
    )

    reason: str = Field(
        min_length=1, max_length=1000, pattern=r"\S", description="Why; the log keeps it for good."
    )


@router.get("/{service}", summary="List what a service could not handle, newest first")
async def list_quarantined(
    service: Service, caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[KeptMessage, ...]]:
    """Return a page of the messages in quarantine, with why they are there and without what they say."""
    _refuse_strangers(service, caller)
    before = id_before("quarantine", page.cursor)
    found = await caller.ask(ListQuarantined(before=before, limit=page.limit), service=service)
    places = [each.place for each in found.messages]
    return caller.answer(found.messages, next_cursor=cursor_after("quarantine", places, page.limit))


@router.post("/{service}/{quarantine_id}/replay", summary="Have a message handled again")
async def replay_quarantined(
    service: Service, quarantine_id: Id, order: Settling, caller: Writer
) -> Envelope[QuarantineSettled]:
    """Pass it through the door and to its handler again, in one transaction with its leaving the quarantine.

    `outcome` is `handled`, or `unchanged` with the reason in `detail`: a message that was handled meanwhile changes
    nothing. 409 where it is refused again, or fails again; it stays then. What is older than seven days is refused.
    """
    return await _settled(caller, service, quarantine_id, order, replay=True)


@router.post("/{service}/{quarantine_id}/discard", summary="Let a message go")
async def discard_quarantined(
    service: Service, quarantine_id: Id, order: Settling, caller: Writer
) -> Envelope[QuarantineSettled]:
    """Delete it. The log keeps who did, and the hash of what was kept."""
    return await _settled(caller, service, quarantine_id, order, replay=False)


async def _settled(
    caller: Caller, service: str, quarantine_id: str, order: Settling, *, replay: bool
) -> Envelope[QuarantineSettled]:
    _refuse_strangers(service, caller)
    wanted = SettleQuarantined(
        quarantine_id=quarantine_id,
        replay=replay,
        principal=caller.key.principal,
        reason=order.reason,
    )
    return caller.answer(await caller.ask(wanted, service=service))


def _refuse_strangers(service: str, caller: Caller) -> None:
    """Whoever sent what nobody could read may have been anybody."""
    if caller.tenant != HOUSE_TENANT:
        raise NobodysMessages
    if service not in SERVICES:
        raise NotFound(f"There is no service of this name; there are {', '.join(SERVICES)}.")
