"""Which end of a mission is a success for a shell. Pure."""

from datetime import UTC, datetime

import pytest

from grace.client.cli.missions import is_healed
from grace.contracts.verification import Mission

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
