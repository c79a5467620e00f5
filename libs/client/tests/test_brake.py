"""The brake at the command line."""

from collections.abc import Callable
from typing import Any

from .test_cli import grace, told

OpenGrace = Callable[..., Any]


async def test_the_brake_is_pulled_let_go_and_shown(open_grace: OpenGrace) -> None:
    async with open_grace("governance") as place:
        assert (await told(place, "brake", "status"))["is_on"] is False
        pulled = await told(place, "brake", "pull", "--reason", "a release")
        assert (pulled["is_on"], pulled["changed_by"], pulled["reason"]) == (
            True,
            "admin",
            "a release",
        )
        assert (await place.admin.brake()).version == 1
        free = await told(place, "brake", "release", "--reason", "it is out")
        assert (free["is_on"], free["version"]) == (False, 2)
        without = await grace(place, "brake", "release")
        assert (without.exit_code, "--reason" in without.stderr) == (2, True)
