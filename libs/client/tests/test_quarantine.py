"""The quarantine at the command line."""

from collections.abc import Callable
from typing import Any

from grace.testkit import eventually

from .test_cli import grace, told

OpenGrace = Callable[..., Any]


async def test_what_a_service_could_not_handle_is_listed_and_let_go(open_grace: OpenGrace) -> None:
    async with open_grace("governance") as place:
        await place.house.publish_raw(
            user="tester", subject="verification.contract.drafted", body=b"nonsense"
        )

        async def listed() -> Any:
            return await told(place, "quarantine", "list", "governance")

        (kept,) = await eventually(listed)
        order = ("governance", kept["quarantine_id"], "--reason", "nobody needs it")
        refused = await grace(place, "quarantine", "replay", *order)
        assert (refused.exit_code, "refused still: unsigned" in refused.stderr) == (5, True)
        gone = await told(place, "quarantine", "discard", *order)
        assert (gone["outcome"], gone["reason"]) == ("discarded", "nobody needs it")
        assert await listed() == []
