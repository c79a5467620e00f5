"""Which end of a mission or an intent is a success for a shell."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest

from grace.client.cli.missions import is_healed
from grace.contracts.verification import Mission, MissionClosed, MissionReopened
from grace.testkit import eventually

from .conftest import Place
from .test_cli import grace, told

OpenGrace = Callable[..., AbstractAsyncContextManager[Place]]
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "reopened_at", "healed"),
    [
        ("verified", None, True),
        ("verified", NOW, False),
        ("rolled_back", None, False),
        ("inconclusive", None, False),
    ],
)
def test_what_a_later_look_took_back_is_no_success(
    status: str, reopened_at: datetime | None, *, healed: bool
) -> None:
    mission = Mission(
        mission_id="mission-1",
        tenant_id="default",
        kind="disk.full",
        target="web-1",
        status=status,
        confidence=1.0,
        requested_by="ada",
        opened_at=NOW,
        closed_at=NOW,
        reopened_at=reopened_at,
    )
    assert is_healed(mission) is healed


async def test_no_wait_calls_it_healed_when_the_fault_of_an_intent_is_back(
    open_grace: OpenGrace,
) -> None:
    submit = ("submit", "--goal", "it works", "--domain", "weather", "--idempotency-key", "k-1")
    async with open_grace("intent") as place:
        verification = await place.house.act_as("verification")
        intent = await told(place, *submit)
        mission, wait = intent["mission_id"], ("intents", "wait", intent["intent_id"])
        facts = {"mission_id": mission, "tenant_id": "default"}
        closed = MissionClosed(**facts, status="verified", confidence=1.0, closed_at=NOW)
        await verification.report(closed)
        assert (await told(place, *wait, "--timeout", "20"))["status"] == "verified"
        await verification.report(
            MissionReopened(
                **facts, contract_id="contract-1", revision=2, reason="back", reopened_at=NOW
            )
        )
        await eventually(lambda: _reopened(place, intent["intent_id"]))
        back = await told(place, *wait, ends=1)
        assert (back["status"], back["sla_met"]) == ("verified", False)
        assert (await told(place, *submit, "--wait", ends=1))["mission_id"] == mission
        listed = await grace(place, "intents", "list")
        assert "2026-11-21" in listed.stdout.split("verified")[1].split("weather")[0]


async def _reopened(place: Place, intent_id: str) -> bool:
    return (await place.admin.intent(intent_id)).reopened_at is not None
