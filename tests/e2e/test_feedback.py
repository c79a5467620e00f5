"""A remedy that brings on what it remedies: automation stops itself and asks, and a person lets it go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faults.databases import FAILS, HOLDS, answered, opened

from grace.client import Grace
from grace.testkit import House, eventually


@pytest.mark.timeout(120)
async def test_what_holds_and_comes_back_at_once_goes_round_so_often_and_then_asks(
    house: House, tmp_path: Path
) -> None:
    async with opened(house, tmp_path, target_budget=3) as (app, admin):
        stood = []
        for _ in range(5):
            app.write("orders")
            stood.append((await answered(admin, HOLDS.kind, "orders"))[0])
            if stood[-1] == "asked":
                break
        assert stood == ["verified"] * 3 + ["asked"]
        waiting = (await admin.approvals(status="pending")).items
        assert [(each.tier, each.quorum) for each in waiting] == [(1, 1)]
        app.write("stock")
        assert (await answered(admin, HOLDS.kind, "stock"))[0] == "verified"


@pytest.mark.timeout(120)
async def test_what_never_holds_pulls_the_brake_for_all_of_it_until_a_person_lets_it_go(
    house: House, tmp_path: Path
) -> None:
    async with opened(house, tmp_path, brake_after=2) as (app, admin):
        for target in ("orders", "stock"):
            assert (await answered(admin, FAILS.kind, target))[0] == "failed"
        brake = await eventually(lambda: pulled(admin))
        assert (brake.changed_by, brake.failures) == ("evidence", 2)
        app.write("users")
        assert (await answered(admin, HOLDS.kind, "users"))[0] == "asked"
        assert (await admin.turn_brake(is_on=False, reason="the playbook was wrong")).failures == 0
        assert (await answered(admin, HOLDS.kind, "orders"))[0] == "verified"


async def pulled(admin: Grace) -> Any:
    found = await admin.brake()
    return found if found.is_on else None
