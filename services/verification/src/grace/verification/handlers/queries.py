"""Others look: missions, their stories, baselines."""

from pydantic import JsonValue

from grace.contracts.message import ContractError, Message
from grace.contracts.verification import (
    Baseline,
    GetBaseline,
    GetMission,
    GetTimeline,
    ListMissions,
    ListTargetHolds,
    Mission,
    Missions,
    TargetHolds,
    Timeline,
)
from grace.kit import Called, NotFound, Runtime, Transaction
from grace.verification.settings import Settings
from grace.verification.store import Holds, Views
from grace.verification.store.watches import Watches
from grace.verification.store.watches.views import revised

_MOST_MISSIONS = 200
_MOST_LINES = 700  # with the longest summaries they fit one answer of 1 MiB
# What may be large in the states of a contract, and is kept in the database all the same.
_LARGE = ("execution_result", "benchmark_metrics", "state")


class UnknownMission(NotFound):
    """There is no such mission."""


class UnknownBaseline(NotFound):
    """There is no such baseline."""


async def on_list_missions(call: Called[ListMissions], runtime: Runtime) -> Missions:
    """Answer with a page of missions, newest first; their contracts are asked for one by one."""
    body = call.body
    async with runtime.reading() as tx:
        found = await Views(tx).missions(
            body.tenant_id,
            before=body.before,
            status=body.status,
            most=min(body.limit, _MOST_MISSIONS),
        )
        # Only what had a plan has contracts, whose verdicts could be taken back.
        planned = [mission.mission_id for mission in found if mission.plan_hash is not None]
        revisions = await Watches(tx).revisions(planned) if planned else {}
    return Missions(missions=tuple(revised(each, revisions) for each in found))


async def on_get_mission(call: Called[GetMission], runtime: Runtime) -> Mission:
    """Answer with one mission and its contracts."""
    async with runtime.reading() as tx:
        found = await read_mission(tx, call.body.tenant_id, call.body.mission_id)
    if found is None:
        raise UnknownMission
    return found


async def read_mission(tx: Transaction, tenant_id: str, mission_id: str) -> Mission | None:
    """Return a mission as it fits an answer, with what later looks took back of it; or None."""
    found = await Views(tx).mission(tenant_id, mission_id)
    if found is None:
        return None
    if found.contracts:
        found = revised(found, await Watches(tx).revisions([found.mission_id]))
    return found if _fits(found) else _lighter(found)


async def on_list_target_holds(
    settings: Settings, call: Called[ListTargetHolds], runtime: Runtime
) -> TargetHolds:
    """Answer with a page of held targets, and who waits for each."""
    body = call.body
    async with runtime.reading() as tx:
        found = await Holds(tx).listed(
            body.tenant_id,
            after=body.after,
            most=min(body.limit, _MOST_MISSIONS),
            wait_at_most=settings.wait_at_most,
        )
    return TargetHolds(holds=tuple(found))


async def on_get_timeline(call: Called[GetTimeline], runtime: Runtime) -> Timeline:
    """Answer with the story of a mission."""
    body = call.body
    async with runtime.reading() as tx:
        views = Views(tx)
        entries = await views.timeline(body.tenant_id, body.mission_id, most=_MOST_LINES)
        if not entries and await views.mission(body.tenant_id, body.mission_id) is None:
            raise UnknownMission
    return Timeline(entries=tuple(entries))


async def on_get_baseline(call: Called[GetBaseline], runtime: Runtime) -> Baseline:
    """Answer with one baseline."""
    async with runtime.reading() as tx:
        found = await Views(tx).baseline(call.body.tenant_id, call.body.baseline_id)
    if found is None:
        raise UnknownBaseline
    return found


def _fits(message: Message) -> bool:
    try:
        message.to_bytes()
    except ContractError:
        return False
    return True


def _lighter(mission: Mission) -> Mission:
    """Leave out of the contracts' states what is large, and say so in its place."""
    contracts = tuple(
        each.model_copy(
            update={
                "actual_state": _without_large(each.actual_state),
                "restored_state": _without_large(each.restored_state),
            }
        )
        for each in mission.contracts
    )
    return mission.model_copy(update={"contracts": contracts})


def _without_large(state: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
    if state is None:
        return None
    return state | {field: {"omitted": True} for field in _LARGE if field in state}
