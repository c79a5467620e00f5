"""What the policies made of plans, as people read it."""

import json
from dataclasses import asdict

from grace.contracts.governance import GetRuling, ListRulings, Ruling, Rulings
from grace.governance import store
from grace.governance.domain.ruling import Outcome
from grace.governance.store import Recorded
from grace.kit import Called, Invalid, NotFound, Unit

_LARGEST_PAGE = 100


class UnknownRuling(NotFound):
    """No ruling of this approval: there is none, or it was asked for before policies decided."""


class UnknownOutcome(Invalid):
    """An outcome is granted, asked or refused."""


async def on_list_rulings(call: Called[ListRulings], unit: Unit) -> Rulings:
    """Answer with a page of a tenant's rulings, newest first, without their facts."""
    body = call.body
    if body.outcome is not None and body.outcome not in {*Outcome}:
        raise UnknownOutcome
    found = await store.Rulings(unit.tx).page(
        body.tenant_id,
        outcome=None if body.outcome is None else Outcome(body.outcome),
        before=body.before,
        limit=min(body.limit, _LARGEST_PAGE),
    )
    return Rulings(rulings=tuple(_view(each, with_facts=False) for each in found))


async def on_get_ruling(call: Called[GetRuling], unit: Unit) -> Ruling:
    """Answer with one ruling and all that was known of the plan."""
    found = await store.Rulings(unit.tx).find(call.body.tenant_id, call.body.approval_id)
    if found is None:
        raise UnknownRuling
    return _view(found, with_facts=True)


def _view(recorded: Recorded, *, with_facts: bool) -> Ruling:
    ruling, facts = recorded.judged.ruling, recorded.judged.facts if with_facts else ()
    return Ruling(
        approval_id=recorded.approval_id,
        mission_id=recorded.mission_id,
        tenant_id=recorded.tenant_id,
        outcome=ruling.outcome,
        tier=ruling.tier,
        quorum=ruling.quorum,
        because=ruling.because,
        rules=ruling.rules,
        rulebook_hash=ruling.rulebook_hash,
        facts=tuple(json.dumps(asdict(each), sort_keys=True) for each in facts),
        ruled_at=recorded.ruled_at,
    )
