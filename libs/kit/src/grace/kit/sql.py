"""Named queries out of queries.sql, and the transaction they run in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from grace.kit.database import AnyConnection

_BLOCK = re.compile(r"^-- (\w+) --[ \t]*$", re.MULTILINE)
# A literal, a comment, or a parameter: not after a colon (a cast) or a word (a slice such as 1:n).
_TOKEN = re.compile(r"(?P<literal>'(?:[^']|'')*')|--[^\n]*|(?<![:\w]):(?P<name>[a-z_][a-z0-9_]*)")

Record = asyncpg.Record


def _nothing() -> None:
    """Nothing to do before a statement."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement, with its parameters in the driver's order."""

    name: str
    text: str
    parameters: tuple[str, ...]

    @classmethod
    def parse(cls, name: str, sql: str) -> Query:
        """Turn `:name` into `$n`; a name that comes twice is one parameter."""
        names: list[str] = []

        def replace(match: re.Match[str]) -> str:
            if match["name"] is None:
                return match["literal"] or ""
            if match["name"] not in names:
                names.append(match["name"])
            return f"${names.index(match['name']) + 1}"

        text = _TOKEN.sub(replace, sql).strip().rstrip(";")
        return cls(name, text, tuple(names))

    def arguments(self, given: Mapping[str, object]) -> list[object]:
        """The values in order. TypeError when a parameter is missing or unknown."""
        if len(given) != len(self.parameters) or any(p not in given for p in self.parameters):
            wanted, got = sorted(self.parameters), sorted(given)
            raise TypeError(f"query {self.name} takes {wanted}, got {got}")
        return [given[name] for name in self.parameters]


class Queries(Mapping[str, Query]):
    """The named statements of one queries.sql."""

    def __init__(self, text: str) -> None:
        pieces = _BLOCK.split(text)[1:]
        names, texts = pieces[::2], pieces[1::2]
        if len(set(names)) != len(names):
            raise ValueError(f"a query has two texts: {sorted(names)}")
        self._queries = {n: Query.parse(n, sql) for n, sql in zip(names, texts, strict=True)}

    @classmethod
    def beside(cls, module_file: str) -> Queries:
        """The queries.sql in the folder of a module."""
        return cls(Path(module_file).with_name("queries.sql").read_text(encoding="utf-8"))

    def __getitem__(self, name: str) -> Query:
        return self._queries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)


class Transaction:
    """Runs named queries on one connection, inside the transaction that somebody else ends."""

    def __init__(
        self, connection: AnyConnection, *, before: Callable[[], None] | None = None
    ) -> None:
        """`before` is called before every statement, with nothing sent in between."""
        self._connection = connection
        self._before = before or _nothing

    async def fetch(self, query: Query, **values: object) -> list[Record]:
        """All rows."""
        arguments = query.arguments(values)
        self._before()
        rows: list[Record] = await self._connection.fetch(query.text, *arguments)
        return rows

    async def fetchrow(self, query: Query, **values: object) -> Record | None:
        """The first row, or None."""
        arguments = query.arguments(values)
        self._before()
        row: Record | None = await self._connection.fetchrow(query.text, *arguments)
        return row

    async def fetchval(self, query: Query, **values: object) -> Any:  # noqa: ANN401 - of whatever type it is
        """The first column of the first row, or None."""
        arguments = query.arguments(values)
        self._before()
        return await self._connection.fetchval(query.text, *arguments)

    async def execute(self, query: Query, **values: object) -> int:
        """Run it and tell how many rows it touched."""
        arguments = query.arguments(values)
        self._before()
        status: str = await self._connection.execute(query.text, *arguments)
        count = status.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0
