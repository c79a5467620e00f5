"""A drafted plan: what was handed over, what its contracts say, and whether the two agree."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from grace.governance.domain.tiers import Tier

_TIERS = frozenset(tier.value for tier in Tier)
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_EVERYTHING = frozenset({"all", "any", "every", "everything", "none", "null", "-", "."})


class Flaw(StrEnum):
    """Why a drafted plan is refused."""

    EMPTY = "empty_plan"
    HASH = "contract_hash_differs"
    FOREIGN = "contract_of_another_plan"
    PARAMS = "params_hash_differs"
    TIER = "unknown_tier"
    TWICE = "action_twice"


@dataclass(frozen=True, slots=True)
class Written:
    """What the bytes of a contract say."""

    contract_id: str
    action_id: str
    mission_id: str
    tenant_id: str
    plan_hash: str
    playbook: str
    requested_by: str
    operation: str
    target: str
    params: str
    params_hash: str
    tier: int
    reversible: bool
    kernel: str = ""
    environment: str | None = None
    definition: str | None = None  # what the target stands for
    sequence: int = 0
    settles_in: timedelta = timedelta()  # from its start to its last take, by its own limits


@dataclass(frozen=True, slots=True)
class Draft:
    """One contract as it was handed over."""

    contract_id: str
    action_id: str
    contract_hash: str
    contract: bytes
    written: Written


@dataclass(frozen=True, slots=True)
class Plan:
    """All contracts of one mission that wait for permission together."""

    mission_id: str
    tenant_id: str
    plan_hash: str
    playbook: str
    requested_by: str
    drafts: tuple[Draft, ...]


def flaw(plan: Plan) -> Flaw | None:
    """The first reason to refuse a plan, or None where everything agrees."""
    if not plan.drafts:
        return Flaw.EMPTY
    if len({draft.action_id for draft in plan.drafts}) < len(plan.drafts):
        return Flaw.TWICE
    if len({draft.contract_id for draft in plan.drafts}) < len(plan.drafts):
        return Flaw.TWICE
    return next((found for draft in plan.drafts if (found := _flaw_of(plan, draft))), None)


def target_of_all(plan: Plan) -> str | None:
    """Why nobody may grant a plan although its parts agree, or None where each target is one thing.

    No flaw: somebody registered a target by such a name, and the mission has to hear why it ends.
    """
    names = (draft.written.target for draft in plan.drafts)
    found = next((name for name in names if not _is_one_target(name)), None)
    if found is None:
        return None
    return f"the target {found!r} is no name of one thing: register it under another name"


def shown_hash(contract_hashes: Iterable[str]) -> str:
    """The one hash that stands for everything approvers are shown, in order."""
    return hashlib.sha256("\n".join(contract_hashes).encode()).hexdigest()


def _flaw_of(plan: Plan, draft: Draft) -> Flaw | None:
    if hashlib.sha256(draft.contract).hexdigest() != draft.contract_hash:
        return Flaw.HASH
    if not _belongs(plan, draft):
        return Flaw.FOREIGN
    if hashlib.sha256(draft.written.params.encode()).hexdigest() != draft.written.params_hash:
        return Flaw.PARAMS
    return None if draft.written.tier in _TIERS else Flaw.TIER


def _is_one_target(name: str) -> bool:
    """A name stands for one registered thing, never for whatever there is."""
    return _NAME.fullmatch(name) is not None and name.lower() not in _EVERYTHING


def _belongs(plan: Plan, draft: Draft) -> bool:
    """A contract names its own plan and requester, or the requester could be swapped outside it."""
    written = draft.written
    return (
        (written.contract_id, written.action_id) == (draft.contract_id, draft.action_id)
        and (written.mission_id, written.tenant_id) == (plan.mission_id, plan.tenant_id)
        and (written.plan_hash, written.playbook) == (plan.plan_hash, plan.playbook)
        and written.requested_by == plan.requested_by
    )
