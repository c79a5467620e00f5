"""A database file that somebody else writes: real processes, alive, in a transaction, or killed."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from grace.worker.domain.state import State
from grace.worker.domain.targets import SqliteTarget
from grace.worker.kernels.operation import Context, Role

# It holds the database open, does what it is told, says so, and waits.
_OTHER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    database.execute(statement).fetchall()
print("done", flush=True)
sys.stdin.read()
"""
KEEP_LOG = "PRAGMA wal_autocheckpoint = 0"
INSERT = "INSERT INTO orders (note) VALUES ('{}')"


@dataclass(frozen=True)
class Shop:
    """One database with a table, in write-ahead mode unless told otherwise."""

    file: Path

    def ctx(self, before: State | None = None, key: str = "action-1") -> Context:
        target = SqliteTarget("orders", "demo", PurePosixPath(self.file))
        return Context(target, Role.ACT, idempotency_key=key, before=before)

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Carry out statements as the owner; the rows of the last one."""
        rows: list[tuple[object, ...]] = []
        with closing(sqlite3.connect(self.file, isolation_level=None)) as database:
            for statement in statements:
                rows = database.execute(statement).fetchall()
        return rows

    def notes(self) -> list[object]:
        """What was committed, read from a copy: to read can recover and remove what is looked at."""
        copy = self.file.parent / "copy"
        copy.mkdir(exist_ok=True)
        for each in self.file.parent.glob(f"{self.file.name}*"):
            (copy / each.name).write_bytes(each.read_bytes())
        rows = Shop(copy / self.file.name).run("SELECT note FROM orders ORDER BY id")
        return [note for (note,) in rows]

    def beside(self) -> set[str]:
        """What lies beside the database."""
        names = (each.name for each in self.file.parent.glob(f"{self.file.name}-*"))
        return {name.removeprefix(self.file.name) for name in names}

    @contextmanager
    def opened(self, *statements: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Another process that has done these and keeps the database open."""
        argv = [sys.executable, "-c", _OTHER, str(self.file), *statements]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"done\n"
            try:
                yield other
            finally:
                other.kill()

    def killed(self, *statements: str) -> None:
        """A process did these and was killed with the database open."""
        with self.opened(*statements):
            pass


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "orders.db")
    found.run(
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)",
        INSERT.format("first"),
    )
    return found
