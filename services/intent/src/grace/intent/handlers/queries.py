"""Others look: submitted intents and where they stand."""

from grace.contracts.intent import GetIntent, Intent, Intents, ListIntents
from grace.intent.domain.intent import LISTED
from grace.intent.store import Intents as Store
from grace.kit import Called, Invalid, NotFound, Runtime

_MOST = 100  # with the longest goals and reasons they fit one answer of 1 MiB


class UnknownIntent(NotFound):
    """No such intent was ever accepted here."""


class CannotList(Invalid):
    """There is no such page of intents."""


async def on_get_intent(call: Called[GetIntent], runtime: Runtime) -> Intent:
    """Answer with one intent."""
    asked = (call.body.tenant_id, call.body.intent_id)
    async with runtime.reading() as tx:
        found = await Store(tx).find([asked])
    if asked not in found:
        raise UnknownIntent
    return found[asked]


async def on_list_intents(call: Called[ListIntents], runtime: Runtime) -> Intents:
    """Answer with a page of intents, newest first; details are asked for one by one."""
    body = call.body
    if body.status is not None and body.status not in LISTED:
        raise CannotList(f"status: one of {', '.join(sorted(LISTED))} is needed")
    async with runtime.reading() as tx:
        store = Store(tx)
        if body.before is not None and not await store.find([(body.tenant_id, body.before)]):
            raise CannotList(f"before: there is no intent {body.before}")
        page = await store.page(
            body.tenant_id, before=body.before, status=body.status, most=min(body.limit, _MOST)
        )
    return Intents(intents=tuple(page))
