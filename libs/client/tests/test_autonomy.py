"""Autonomy at the command line."""

from collections.abc import Callable
from typing import Any

from .test_cli import grace, told

OpenGrace = Callable[..., Any]
KEY = ("postgres-runaway-queries", "postgres")


async def test_a_playbook_is_moved_and_a_word_is_given_and_taken_back(
    open_grace: OpenGrace,
) -> None:
    async with open_grace("governance") as place:
        assert (await told(place, "autonomy", "show", *KEY))["level"] == "approve"
        moved = await told(place, "autonomy", "set", *KEY, "suggest", "--reason", "a test")
        assert (moved["level"], moved["changed_by"]) == ("suggest", "admin")
        assert [each.level for each in (await place.admin.autonomies()).items] == ["suggest"]
        refused = await grace(place, "autonomy", "set", *KEY, "auto", "--reason", "x")
        assert (refused.exit_code, "earned" in refused.stderr) == (5, True)
        word = ("--budget", "5", "--for", "7d", "--reason", "it held")
        given = await told(place, "autonomy", "approve", *KEY, *word)
        assert (given["budget"], given["status"]) == (5, "open")
        back = await told(place, "autonomy", "revoke", given["standing_id"])
        assert back["status"] == "revoked"
        listed = await grace(place, "autonomy", "approvals")
        assert (listed.exit_code, given["standing_id"] in listed.stdout) == (0, True)
        soon = await grace(
            place, "autonomy", "approve", *KEY, *word[:2], "--for", "soon", *word[4:]
        )
        assert soon.exit_code == 2
