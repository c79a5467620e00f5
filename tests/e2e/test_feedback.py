"""A remedy that brings on what it remedies: automation stops itself and asks, and a person lets it go."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from faults.story import patiently

from grace.client import Grace
from grace.stack.ports import free_port
from grace.testkit import House, eventually

_ENDS = {"verified", "failed"}
TARGETS = ("orders", "stock", "users")
_HOLDS = {"name": "shrink", "kind": "log.grew", "field": "wal_frames", "most": 0}
# No database is without pages.
_FAILS = {"name": "vanish", "kind": "file.there", "field": "pages", "most": 0}
_PLAYBOOK = """
playbook: {name}
version: 1
trigger:
  condition: kind == "{kind}"
steps:
  - action:
      operation: sqlite.checkpoint
      params: {{}}
    measurement:
      operation: sqlite.look
      params: {{}}
    expectations:
      - {{field: {field}, comparison: at_most, value: {most}}}
"""


class App:
    """Three databases of somebody who never lets the log be moved into them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def register(self, targets_file: Path) -> None:
        """Make the databases, and name them to Grace."""
        self._root.mkdir()
        lines = []
        for name in TARGETS:
            self.write(name)
            file = self._root / f"{name}.db"
            lines.append(
                f'[targets.{name}]\nkind = "sqlite"\nenvironment = "test"\nfile = "{file}"\n'
            )
        targets_file.write_text("\n".join(lines), encoding="utf-8")

    def write(self, name: str) -> None:
        """Let the log of one grow, and go without a checkpoint, as what crashes does."""
        file = self._root / f"{name}.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = wal")
            database.execute("PRAGMA wal_autocheckpoint = 0")
            database.execute("CREATE TABLE IF NOT EXISTS rows (note)")
            database.execute("INSERT INTO rows VALUES ('x')")
            kept = {f: f.read_bytes() for f in self._root.glob(f"{name}.db*")}
        for each, data in kept.items():
            each.write_bytes(data)


@asynccontextmanager
async def opened(house: House, folder: Path, **bounds: int) -> AsyncIterator[tuple[App, Grace]]:
    app, books = App(folder / "app"), folder / "books"
    app.register(house.installation.targets_file)
    books.mkdir()
    for each in (_HOLDS, _FAILS):
        (books / f"{each['name']}.yaml").write_text(_PLAYBOOK.format(**each), encoding="utf-8")
    port = free_port()
    settings: dict[str, dict[str, Any]] = {
        "gateway": {"port": port}, "intent": {"playbook_dir": books}, "governance": dict(bounds),
    }  # fmt: skip
    token = house.installation.admin_key_file.read_text(encoding="utf-8").strip()
    async with (
        house.running(*house.installation.names, **settings),
        Grace(f"http://127.0.0.1:{port}", token) as admin,
    ):
        await patiently(admin.brake)
        yield app, admin


async def answered(admin: Grace, kind: object, target: str) -> str:
    """Report an error, and wait until it is over or people are asked: a verdict, or `asked`."""
    known = {each.mission_id for each in (await admin.missions()).items}
    await admin.report_error(str(kind), target, "seen again")

    async def stands() -> str | None:
        new = [each for each in (await admin.missions()).items if each.mission_id not in known]
        asked = {each.mission_id for each in (await admin.approvals(status="pending")).items}
        if new and new[0].mission_id in asked:
            return "asked"
        return new[0].status if new and new[0].status in _ENDS else None

    found: str = await eventually(lambda: patiently(stands), timeout=30)
    return found


@pytest.mark.timeout(120)
async def test_what_holds_and_comes_back_at_once_goes_round_so_often_and_then_asks(
    house: House, tmp_path: Path
) -> None:
    async with opened(house, tmp_path, target_budget=3) as (app, admin):
        stood = []
        for _ in range(5):
            app.write("orders")
            stood.append(await answered(admin, _HOLDS["kind"], "orders"))
            if stood[-1] == "asked":
                break
        assert stood == ["verified"] * 3 + ["asked"]
        waiting = (await admin.approvals(status="pending")).items
        assert [(each.tier, each.quorum) for each in waiting] == [(1, 1)]
        app.write("stock")
        assert await answered(admin, _HOLDS["kind"], "stock") == "verified"


@pytest.mark.timeout(120)
async def test_what_never_holds_pulls_the_brake_for_all_of_it_until_a_person_lets_it_go(
    house: House, tmp_path: Path
) -> None:
    async with opened(house, tmp_path, brake_after=2) as (app, admin):
        for target in ("orders", "stock"):
            assert await answered(admin, _FAILS["kind"], target) == "failed"
        brake = await eventually(lambda: pulled(admin))
        assert (brake.changed_by, brake.failures) == ("evidence", 2)
        app.write("users")
        assert await answered(admin, _HOLDS["kind"], "users") == "asked"
        assert (await admin.turn_brake(is_on=False, reason="the playbook was wrong")).failures == 0
        assert await answered(admin, _HOLDS["kind"], "orders") == "verified"


async def pulled(admin: Grace) -> Any:
    found = await admin.brake()
    return found if found.is_on else None
