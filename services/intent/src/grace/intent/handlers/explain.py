"""Why a mission has this plan, or none."""

import json

from grace.contracts import intent as wire
from grace.intent.store import Missions
from grace.kit import Called, NotFound, Runtime


class NothingToExplain(NotFound):
    """No such mission was ever captured here."""


async def on_explain_mission(
    call: Called[wire.ExplainMission], runtime: Runtime
) -> wire.Explanation:
    """Answer with what was considered, and with the plan where there is one."""
    async with runtime.reading() as tx:
        row = await Missions(tx).explanation(call.body.mission_id)
    if row is None or row["tenant_id"] != call.body.tenant_id:
        raise NothingToExplain
    considered = json.loads(row["considered"] or "[]")
    return wire.Explanation(
        mission_id=row["mission_id"],
        status=row["status"],
        playbook=row["playbook"],
        playbook_version=row["playbook_version"],
        reason=row["reason"],
        hold=row["hold"],
        held_until=row["held_until"],
        considered=tuple(wire.Considered(**each) for each in considered),
        plan=wire.Plan.from_bytes(row["plan"]) if row["plan"] else None,
    )
