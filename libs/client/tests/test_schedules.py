"""Schedules over the client and the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grace.client import Conflict, Grace, NotFound

from .test_cli import grace, told
from .test_orders import WANTED

OpenGrace = Callable[..., Any]


async def test_the_client_sets_changes_and_drops_schedules(open_grace: OpenGrace) -> None:
    async with open_grace("htm") as place:
        admin: Grace = place.admin
        made = await admin.set_schedule("look", "0 2 * * *", WANTED)
        with pytest.raises(Conflict):
            await admin.set_schedule("look", "0 3 * * *", WANTED)
        changed = await admin.change_schedule("look", cron="0 3 * * *")
        assert changed.next_at != made.next_at
        assert [each.name async for each in admin.each_schedule()] == ["look"]
        assert (await admin.schedule("look")).cron == "0 3 * * *"
        await admin.drop_schedule("look")
        with pytest.raises(NotFound):
            await admin.schedule("look")


async def test_the_command_line_sets_changes_and_drops_schedules(
    open_grace: OpenGrace, tmp_path: Path
) -> None:
    async with open_grace("htm") as place:
        file = tmp_path / "look.yaml"
        file.write_text(json.dumps({"name": "look", "cron": "0 2 * * *", "task": WANTED}))
        made = await told(
            place, "schedules", "set", "-f", str(file), "--time-zone", "Europe/Berlin"
        )
        assert (made["time_zone"], made["catch_up"]) == ("Europe/Berlin", "skip")
        off = await told(place, "schedules", "change", "look", "--disable")
        assert off["enabled"] is False
        assert "disabled" in (await told(place, "schedules", "why", "look"))["sentence"]
        (listed,) = await told(place, "schedules", "list")
        assert listed["name"] == "look"
        wrong = await grace(place, "schedules", "change", "look", "--cron", "61 * * * *")
        assert "Bad minute" in wrong.stderr
        gone = await grace(place, "schedules", "drop", "look")
        assert gone.exit_code == 0, gone.stderr
