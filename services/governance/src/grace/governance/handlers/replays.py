"""What other policies would have made of the plans of one mission."""

import json
from dataclasses import asdict

from grace.contracts.governance import ReplayedRuling, ReplayedRulings, ReplayRulings
from grace.governance.domain.rulebook import PolicyError
from grace.governance.domain.ruling import Ruling, rule
from grace.governance.handlers.operators import refuse_strangers
from grace.governance.handlers.policies import PolicyInvalid
from grace.governance.handlers.rulebooks import Rulebooks
from grace.governance.handlers.trials import ended, rulebook_with
from grace.governance.store import Policies, Recorded, Rulings
from grace.kit import Called, NotFound, Unit

_MOST = 20


class NeverRuled(NotFound):
    """No policy ever decided on a plan of such a mission: there was none, or it had no plan."""


async def on_replay_rulings(
    rulebooks: Rulebooks, call: Called[ReplayRulings], unit: Unit
) -> ReplayedRulings:
    """Judge each plan of a mission again, with what was known then; nothing is stored."""
    body = call.body
    refuse_strangers(body.tenant_id)
    try:
        rulebook = await rulebook_with(rulebooks, body.candidate, Policies(unit.tx))
    except PolicyError as error:
        raise PolicyInvalid(str(error)) from None
    found = await Rulings(unit.tx).of_mission(body.tenant_id, body.mission_id, limit=_MOST)
    if not found:
        raise NeverRuled
    again = rule(rulebook, [each.judged.facts for each in found])
    return ReplayedRulings(
        mission_id=body.mission_id,
        rulebook_hash=rulebook.content_hash,
        rulings=tuple(map(_beside, found, again)),
    )


def _beside(recorded: Recorded, again: Ruling) -> ReplayedRuling:
    ruled = recorded.judged.ruling
    return ReplayedRuling(
        approval_id=recorded.approval_id,
        ruled_at=recorded.ruled_at,
        tier=ruled.tier,
        was=ended(ruled),
        was_because=ruled.because,
        was_rules=ruled.rules,
        would_be=ended(again),
        because=again.because,
        rules=again.rules,
        differs=ended(ruled) != ended(again),
        facts=tuple(json.dumps(asdict(each), sort_keys=True) for each in recorded.judged.facts),
    )
