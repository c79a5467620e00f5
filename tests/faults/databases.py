"""An app with SQLite databases whose logs grow, a playbook that holds and one that never does."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from faults.story import patiently

from grace.client import Grace
from grace.contracts.verification import Mission
from grace.stack.ports import free_port
from grace.testkit import House, eventually

_ENDS = {"asked", "verified", "failed"}
TARGETS = ("orders", "stock", "users")
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
      - {{field: {field}, comparison: at_most, value: 0}}
"""


@dataclass(frozen=True, slots=True)
class Book:
    """A playbook that empties the log, and what it promises to be nothing afterwards."""

    name: str
    kind: str
    field: str

    @property
    def text(self) -> str:
        """The playbook's file."""
        return _PLAYBOOK.format(name=self.name, kind=self.kind, field=self.field)


HOLDS = Book("shrink", "log.grew", "wal_frames")
FAILS = Book("vanish", "file.there", "pages")  # no database is without pages


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
async def opened(
    house: House, folder: Path, *books: Book, **bounds: int
) -> AsyncIterator[tuple[App, Grace]]:
    """The whole house with these playbooks and bounds of governance, the app, and its operator."""
    app, shelf = App(folder / "app"), folder / "books"
    app.register(house.installation.targets_file)
    shelf.mkdir()
    for book in books or (HOLDS, FAILS):
        (shelf / f"{book.name}.yaml").write_text(book.text, encoding="utf-8")
    port = free_port()
    settings: dict[str, dict[str, Any]] = {
        "gateway": {"port": port}, "intent": {"playbook_dir": shelf}, "governance": dict(bounds),
        "observability": {"cube_interval": timedelta(seconds=1)},
    }  # fmt: skip
    token = house.installation.admin_key_file.read_text(encoding="utf-8").strip()
    async with (
        house.running(*house.installation.names, **settings),
        Grace(f"http://127.0.0.1:{port}", token) as admin,
    ):
        await patiently(admin.brake)
        yield app, admin


async def answered(admin: Grace, kind: str, target: str) -> tuple[str, Mission]:
    """Report an error and wait until it is over or people are asked: a verdict or `asked`, and its mission."""
    known = {each.mission_id for each in (await admin.missions()).items}
    await admin.report_error(kind, target, "seen again")

    async def stands() -> tuple[str, Mission] | None:
        new = [each for each in (await admin.missions()).items if each.mission_id not in known]
        if not new:
            return None
        asked = {each.mission_id for each in (await admin.approvals(status="pending")).items}
        status = "asked" if new[0].mission_id in asked else new[0].status
        return (status, new[0]) if status in _ENDS else None

    found: tuple[str, Mission] = await eventually(lambda: patiently(stands), timeout=30)
    return found
