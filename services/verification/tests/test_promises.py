"""What is written in more than one place says the same in each: README, migration, table, statements."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grace.verification.domain.lifecycle import (
    FINAL,
    MISSION_FINAL,
    TRANSITIONS,
    MissionStatus,
    Status,
)

if TYPE_CHECKING:
    from grace.testkit import House

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/grace/verification"


def test_the_picture_in_the_readme_is_the_table() -> None:
    picture = (ROOT / "README.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", picture, re.MULTILINE))
    table = {
        (state.value, target.value, event.value)
        for state, exits in TRANSITIONS.items()
        for event, target in exits.items()
    }
    assert drawn == table


def test_every_statement_is_used() -> None:
    names = re.findall(r"^-- (\w+) --$", (SOURCE / "queries.sql").read_text("utf-8"), re.MULTILINE)
    code = "\n".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    assert len(names) == len(set(names))
    assert [name for name in names if f'"{name}"' not in code] == []


@pytest.mark.parametrize(
    ("table", "states", "finals"),
    [
        ("action_contracts", set(Status), FINAL),
        ("missions", set(MissionStatus), MISSION_FINAL),
    ],
)
async def test_the_database_knows_the_same_states(
    house: House, table: str, states: set[str], finals: frozenset[str]
) -> None:
    rows = await house.rows(
        "verification",
        "select pg_get_constraintdef(oid) as check from pg_constraint"
        " where conrelid = $1::text::regclass and contype = 'c'",
        f"verification.{table}",
    )
    checks = [set(re.findall(r"'(\w+)'::text", row["check"])) for row in rows]
    assert states in checks
    if table == "missions":
        assert states - finals in checks
