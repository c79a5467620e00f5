"""An error is over once it is for everybody who reported it, and not before."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from grace.contracts.intent import ErrorDetected, PlanningBlocked, ReporterJoined
from grace.contracts.verification import MissionClosed
from grace.intent.domain.mesh import Pending, ripen
from grace.intent.domain.playbook import Threshold
from grace.intent.domain.signal import Group, LastMission, Signal, sort_signals
from grace.intent.store.captures import rows
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
MakeSignal = Callable[..., Signal]
Report = Callable[..., Awaitable[None]]
NOW = datetime.now(UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds - 60)


@pytest.fixture
def alert(make_error: MakeError) -> Callable[..., ErrorDetected]:
    """Make what one instance says through one source; `says` is when it fires, or since when not."""

    def make(
        instance: str | None, says: float, *, resolved: bool = False, **other: str
    ) -> ErrorDetected:
        return make_error(
            kind="postgres.runaway_query", target="shop", source=other.get("source", "alerts"),
            instance=instance, detected_at=at(says), resolved=resolved or None,
        )  # fmt: skip

    return make


async def missions(house: House) -> list[asyncpg.Record]:
    return await house.rows("intent", "SELECT * FROM missions ORDER BY captured_at")


async def over_since(house: House, read: int) -> list[datetime | None]:
    """Return since when the error of each mission is over, once so many reports are read."""

    async def done() -> bool:
        (row,) = await house.rows("intent", "SELECT count(*) AS n FROM inbox")
        return bool(row["n"] == read)

    await eventually(done)
    return [mission["over_at"] for mission in await missions(house)]


async def test_an_error_is_over_once_every_instance_that_fired_is(
    house: House, report: Report, alert: Callable[..., ErrorDetected]
) -> None:
    async with house.running("intent"):
        await report(alert("a", 10), alert("b", 11), alert(None, 12, source="watch"))
        await report(alert("a", 20, resolved=True))
        await report(alert(None, 21, resolved=True, source="watch"))
        assert await over_since(house, 5) == [None]  # b still fires
        await report(alert("b", 15, resolved=True))  # heard of last, though it was not the last
        assert await over_since(house, 6) == [at(21)]
        (told,) = await eventually(lambda: house.messages(PlanningBlocked.SUBJECT))
        assert "over by itself" in PlanningBlocked.from_bytes(told.data).reason


async def test_who_fires_while_the_end_of_others_is_on_the_way_is_answered(
    house: House, report: Report, alert: Callable[..., ErrorDetected]
) -> None:
    async with house.running("intent"):
        await report(alert("a", 10))
        await report(alert("a", 30, resolved=True))
        (told,) = await eventually(lambda: house.messages(PlanningBlocked.SUBJECT))
        first = PlanningBlocked.from_bytes(told.data).mission_id
        # It fired before that end, and its notification comes only now.
        await report(alert("b", 20))
        assert await over_since(house, 3) == [at(30)]
        verification = await house.act_as("verification")
        await verification.report(
            MissionClosed(
                mission_id=first, tenant_id="default", status="blocked", confidence=0.0,
                closed_at=datetime.now(UTC), reason="over",
            )
        )  # fmt: skip
        _, second = await eventually(lambda: two(house))
        assert second["over_at"] is None
        await report(alert(None, 39, resolved=True, source="watch"))
        assert await over_since(house, 4) == [at(30), None]  # b is known to the next one, too
        await report(alert("b", 40, resolved=True))
        assert await over_since(house, 5) == [at(30), at(40)]


async def test_nobody_says_for_another_that_an_error_is_over(
    house: House, report: Report, alert: Callable[..., ErrorDetected]
) -> None:
    async with house.running("intent"):
        gateway = await house.act_as("gateway")
        fires, ends = alert("a", 10), alert("a", 30, resolved=True)
        await gateway.report(fires.model_copy(update={"requested_by": "monitor"}))
        assert await over_since(house, 1) == [None]
        await report(ends, alert(None, 31, resolved=True))  # the source is what anybody may claim
        await gateway.report(ends.model_copy(update={"requested_by": "somebody"}))
        assert await over_since(house, 4) == [None]
        await gateway.report(ends.model_copy(update={"requested_by": "monitor"}))
        assert await over_since(house, 5) == [at(30)]


async def two(house: House) -> list[asyncpg.Record] | None:
    found = await missions(house)
    return found if len(found) == 2 else None


async def test_an_error_that_too_many_report_is_over_for_nobody(
    house: House,
    report: Report,
    alert: Callable[..., ErrorDetected],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "_MOST", 2)
    async with house.running("intent"):
        for read, instance in enumerate("abcd", start=1):
            await report(alert(instance, 10))
            await over_since(house, read)
        await report(*(alert(instance, 20, resolved=True) for instance in "abcd"))
        assert await over_since(house, 8) == [None]
        kept = await house.rows("intent", "SELECT source, instance FROM mission_reporters")
        assert sorted(map(tuple, kept)) == [("", ""), ("alerts", "a"), ("alerts", "b")]


async def test_who_reports_what_another_opened_a_mission_for_is_told_once(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        gateway = await house.act_as("gateway")
        await report(make_error())
        assert await over_since(house, 1) == [None]
        for source in ("phone", "desk"):
            await gateway.report(make_error(source=source, requested_by="maria"))
        await report(make_error())
        await gateway.report(make_error(requested_by="olaf"))
        assert await over_since(house, 5) == [None]

        async def told() -> bool:
            found = [
                ReporterJoined.from_bytes(each.data)
                for each in await house.messages(ReporterJoined.SUBJECT)
            ]
            return [each.principal for each in found] == ["maria", "olaf"]

        await eventually(told)


def test_what_was_sent_before_an_end_is_an_echo_for_whom_it_is_over(
    make_signal: MakeSignal, noon: datetime
) -> None:
    over, still, back = (
        make_signal(sent=sent, instance=name, issued_at=noon + timedelta(seconds=50))
        for name, sent in (("a", 10), ("b", 11), ("a", 31))
    )
    end = LastMission("mission-1", over.fingerprint, noon + timedelta(seconds=60))
    for name, seconds in (("a", 30), ("c", 59)):
        known = {} if end.over is None else end.over
        since = noon + timedelta(seconds=seconds)
        end = LastMission(
            end.mission_id, end.fingerprint, end.closed_at, {**known, ("watch", name): since}
        )
    found = sort_signals([over, still, back], [end])
    assert [signal for _, group in found.late for signal in group.signals] == [over]
    assert [signal for group in found.fresh for signal in group.signals] == [still, back]


def test_who_reported_before_there_were_enough_is_a_reporter(make_signal: MakeSignal) -> None:
    threshold = Threshold(3, timedelta(minutes=1))
    young = ripen(Group("f", (make_signal(instance="a", threshold=threshold),)), [])
    assert isinstance(young, Pending)
    again, ripe = (
        make_signal(sent=n, instance=i, threshold=threshold) for n, i in ((9, "a"), (5, "b"))
    )
    group = ripen(Group("f", (again, ripe)), young.times, young.reports)
    assert isinstance(group, Group)
    assert [(each.instance, each.fired_at) for each in group.reports] == [
        ("a", again.detected_at),
        ("b", ripe.detected_at),
    ]
