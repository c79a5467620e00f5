"""Hours: what the tasks that ended in them come to."""

from datetime import datetime, timedelta

from grace.contracts.htm import Spread, TaskCounts, TypeHour
from grace.htm.domain.figures import Counts, sla_rate, success_rate
from grace.htm.store.watch.statements import QUERIES
from grace.kit import Record, Transaction

_COUNTED = Counts.__slots__


class Hours:
    """The hourly figures, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def due_hour(self, *, rest: timedelta) -> datetime | None:
        """The oldest hour that is to be rolled up, locked; None where all are as they should be."""
        await self._tx.execute(QUERIES["open_hours"])
        hour: datetime | None = await self._tx.fetchval(QUERIES["due_hour"], rest=rest)
        return hour

    async def roll_up(self, hour: datetime, *, settles_after: timedelta) -> None:
        """Write what an hour comes to, in place of what it came to before."""
        await self._tx.execute(QUERIES["clear_hour"], hour=hour)
        await self._tx.execute(QUERIES["roll_hour"], hour=hour)
        await self._tx.execute(QUERIES["note_rolled"], hour=hour, settles_after=settles_after)

    async def read(
        self, tenant_id: str, *, since: datetime, until: datetime, type_: str | None, most: int
    ) -> list[TypeHour]:
        """The figures of a tenant, newest hour first."""
        rows = await self._tx.fetch(
            QUERIES["read_hours"],
            tenant_id=tenant_id, since=since, until=until, type=type_, most=most,
        )  # fmt: skip
        return [_hour(row) for row in rows]


def message_of(counts: Counts) -> TaskCounts:
    """Counts as others read them, with their rates."""
    return TaskCounts(
        **{name: getattr(counts, name) for name in _COUNTED},
        success_rate=success_rate(counts),
        sla_rate=sla_rate(counts),
    )


def counts_of(counts: TaskCounts) -> Counts:
    """Counts as they are added up."""
    return Counts(**{name: getattr(counts, name) for name in _COUNTED})


def _hour(row: Record) -> TypeHour:
    return TypeHour(
        type=row["type"],
        hour=row["hour"],
        counts=message_of(Counts(**{name: row[name] for name in _COUNTED})),
        queue=_spread(row, "queue"),
        execution=_spread(row, "execution"),
        total=_spread(row, "total"),
        settled=row["settled"],
    )


def _spread(row: Record, name: str) -> Spread:
    figures = {part: row[f"{name}_{part}"] for part in ("avg", "p50", "p95", "p99")}
    # Of tasks that ended before their time, once; a settled hour is never made again.
    if any(figure is not None and figure < 0 for figure in figures.values()):
        return Spread()
    return Spread(**figures)
