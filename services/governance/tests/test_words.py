"""Words of people that are meant to last: somebody hears of it before they end, unless they were renewed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from grace.contracts.governance import DecideConsent
from grace.governance import loops
from grace.governance.metrics import ENDING_WORDS

from .test_consents import question
from .test_ladder import trust

OpenOffice = Callable[..., Any]
MONTH = 30 * 86_400
WEEK = timedelta(days=7)


async def look(office: Any) -> tuple[float, float]:
    """How many consents and standing approvals are told of."""
    await loops.LookAround(WEEK).tick(office.governance)
    words = ("consent", "standing_approval")
    consents, standing = (ENDING_WORDS.labels(word)._value.get() for word in words)
    return consents, standing


async def consent(office: Any, lifetime_s: int) -> None:
    asked = await office.gateway.call(question(lifetime_s=lifetime_s))
    decide = {"tenant_id": "default", "consent_id": asked.consent_id, "choice": "grant"}
    await office.gateway.call(DecideConsent(**decide, principal="ada"))


async def pass_days(office: Any, days: int) -> None:
    """Let all words be so much older."""
    for table, given in (("standing_approvals", "given_at"), ("secret_consents", "decided_at")):
        await office.house.rows(
            "governance",
            f"UPDATE {table} SET {given} = {given} - interval '{days} days',"
            f" expires_at = expires_at - interval '{days} days' WHERE expires_at IS NOT NULL",
        )


async def test_what_was_meant_to_last_is_told_of_a_week_before_its_end_and_not_once_renewed(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        await trust(office, lifetime_s=MONTH)
        await consent(office, MONTH)
        assert await look(office) == (0, 0)
        await pass_days(office, 24)
        assert await look(office) == (1, 1)
        await trust(office, lifetime_s=MONTH)
        await consent(office, MONTH)
        assert await look(office) == (0, 0)
        await pass_days(office, 24)
        assert await look(office) == (1, 1)
        await pass_days(office, 7)
        assert await look(office) == (0, 0)


async def test_what_was_given_for_some_days_ends_without_a_word(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await trust(office, lifetime_s=10 * 86_400)
        await consent(office, 10 * 86_400)
        await pass_days(office, 8)
        assert await look(office) == (0, 0)
