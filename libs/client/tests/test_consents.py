"""Consents at the command line."""

from collections.abc import Callable
from typing import Any

from .test_cli import grace, told

OpenGrace = Callable[..., Any]
WHAT = ("shop-ops", "postgres.query", "--target", "shop-db", "--for", "12h", "--reason", "night")


async def test_a_consent_is_asked_for_refused_to_its_asker_and_taken_back(
    open_grace: OpenGrace,
) -> None:
    async with open_grace("governance") as place:
        asked = await told(place, "consent", "ask", *WHAT)
        assert (asked["status"], asked["lifetime_s"], asked["one_time"]) == ("asked", 43_200, False)
        own = await grace(place, "consent", "grant", asked["consent_id"])
        assert (own.exit_code, "another person" in own.stderr) == (4, True)
        rejected = await grace(place, "consent", "reject", asked["consent_id"])
        assert rejected.exit_code == own.exit_code
        listed = await grace(place, "consent", "list", "--status", "asked")
        assert (listed.exit_code, asked["consent_id"] in listed.stdout) == (0, True)
        back = await told(place, "consent", "revoke", asked["consent_id"])
        assert back["status"] == "revoked"
        once = await told(place, "consent", "ask", *WHAT, "--once")
        assert once["one_time"] is True
        soon = await grace(place, "consent", "ask", *WHAT[:5], "soon", *WHAT[6:])
        assert soon.exit_code == 2
