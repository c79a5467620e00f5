"""The kill switch as people turn it, and what missions under way say of it."""

from collections.abc import Callable
from typing import Any

from grace.testkit import eventually

from .test_cli import grace, told

OpenGrace = Callable[..., Any]


async def test_a_turn_is_answered_and_seen_in_every_open_mission(open_grace: OpenGrace) -> None:
    async with open_grace("governance", "verification") as place:
        mission_id = await place.open_mission()
        on = await told(place, "kill-switch", "on", "--reason", "a fire")
        assert (on["is_on"], on["hard"], on["changed_by"]) == (True, False, "admin")
        assert (await place.admin.kill_switch()).version == on["version"]

        async def lines() -> list[str]:
            entries = await place.admin.timeline(mission_id)
            return [e.summary for e in entries if e.subject == "governance.kill_switch.turned"]

        assert await eventually(lines) == [
            "kill switch (permit version 2): no effect begins; admin: a fire"
        ]
        off = await told(place, "kill-switch", "off", "--reason", "it is out")
        assert off["is_on"] is False
        assert (await told(place, "kill-switch", "status"))["version"] == 3
        without = await grace(place, "kill-switch", "on")
        assert (without.exit_code, "--reason" in without.stderr) == (2, True)
