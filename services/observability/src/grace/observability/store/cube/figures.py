"""Figures out of the cube."""

from dataclasses import asdict, dataclass
from datetime import datetime

from grace.kit import Record, Transaction
from grace.observability.domain.cube import Bucket, Dimension, Figures, Selection
from grace.observability.store.cube.statements import QUERIES


@dataclass(frozen=True, slots=True)
class Point:
    """The figures of an hour or a day."""

    at: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class Member:
    """The figures of one member of a dimension, now and in the time before; of all where `name` is None."""

    name: str | None
    now: Figures
    before: Figures


@dataclass(frozen=True, slots=True)
class Run:
    """One transaction of loading."""

    run_id: int
    step: str
    read: int
    written: int
    oldest_at: datetime | None
    newest_at: datetime | None
    loaded_at: datetime


class Cube:
    """Asks the cube, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def loaded_at(self, step: str) -> datetime | None:
        """When events of a step were loaded the last time; None where none ever were."""
        rows = await self._tx.fetch(QUERIES["last_load"], step=step)
        return rows[0]["loaded_at"] if rows else None

    async def trend(self, selection: Selection, bucket: Bucket) -> list[Point]:
        """The figures of each bucket, the oldest first."""
        rows = await self._tx.fetch(QUERIES["trend"], **asdict(selection), bucket=bucket)
        return [Point(row["at"], _figures(row)) for row in rows]

    async def breakdown(
        self, selection: Selection, dimension: Dimension, *, most: int
    ) -> tuple[Member, list[Member]]:
        """All together, and the most frequent members."""
        return await self._by(selection, dimension, selection.from_time, most, by_change=False)

    async def compare(
        self, selection: Selection, dimension: Dimension, *, most: int
    ) -> tuple[Member, list[Member]]:
        """All together, and the members that changed most since the same length of time before."""
        since = selection.from_time - selection.length
        return await self._by(selection, dimension, since, most, by_change=True)

    async def funnel(self, selection: Selection) -> list[tuple[str, int]]:
        """How many missions came how far, step by step."""
        given = asdict(selection)
        del given["fact"]
        rows = await self._tx.fetch(QUERIES["funnel"], **given)
        return list(rows[0].items())

    async def runs(self, most: int) -> list[Run]:
        """How it was loaded, the newest first."""
        rows = await self._tx.fetch(QUERIES["list_runs"], most=most)
        return [Run(**row) for row in rows]

    async def _by(
        self,
        selection: Selection,
        dimension: Dimension,
        since: datetime,
        most: int,
        *,
        by_change: bool,
    ) -> tuple[Member, list[Member]]:
        rows = await self._tx.fetch(
            QUERIES["breakdown"],
            **asdict(selection),
            dimension=dimension,
            since=since,
            by_change=by_change,
            most=most + 1,
        )
        whole, *members = [_member(row) for row in rows]
        return whole, members


def _member(row: Record) -> Member:
    name = None if row["is_whole"] else row["name"]
    return Member(name, _figures(row), _figures(row, "_before"))


def _figures(row: Record, suffix: str = "") -> Figures:
    return Figures(
        count=int(row[f"facts{suffix}"]),
        succeeded=int(row[f"succeeded{suffix}"]),
        measured=int(row[f"measured{suffix}"]),
        total=float(row[f"total{suffix}"]),
    )
