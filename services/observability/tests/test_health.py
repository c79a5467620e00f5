"""Beats, alerts and the dashboard on real servers."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from grace.contracts.observability import (
    Alert,
    AlertRaised,
    AlertResolved,
    Dashboard,
    GetDashboard,
    HealthBeat,
    ListAlerts,
    ServiceHealth,
)
from grace.kit import GraceError, Kind, Runtime
from grace.observability.domain.growth import Growth
from grace.observability.handlers import announce
from grace.observability.loops import Probe, Watch
from grace.observability.settings import Settings
from grace.observability.store import Beats, Components, HeardBeat, Pulse
from grace.testkit import House, eventually

from .conftest import Tell

SECOND = timedelta(seconds=1)
SOON = timedelta(milliseconds=100)
QUICK = {"beat_interval": SOON}
WATCHFUL = QUICK | {
    "watch_interval": SOON, "resolve_after": timedelta(0), "late_beats": 10.0,
    "quarantine_window": timedelta(milliseconds=300),
}  # fmt: skip


async def _page(gateway: Runtime) -> Dashboard:
    return await gateway.call(GetDashboard(tenant_id="default"))


async def _alerts(gateway: Runtime, **asked: Any) -> dict[str, Alert]:
    asked = {"tenant_id": "default", "limit": 100} | asked
    found = await gateway.call(ListAlerts(**asked))
    return {f"{each.kind} {each.subject}": each for each in found.alerts}


class Eyes:
    """What an operator sees."""

    def __init__(self, gateway: Runtime) -> None:
        self.gateway = gateway

    async def service(self, name: str, status: str) -> ServiceHealth | None:
        found = {each.name: each for each in (await _page(self.gateway)).services}
        return found[name] if found[name].status == status else None

    async def alert(self, name: str, **asked: Any) -> Alert | None:
        return (await _alerts(self.gateway, **asked)).get(name)

    async def is_resolved(self, alert: Alert) -> bool:
        asked = ListAlerts(tenant_id="default", limit=200, status="resolved")
        found = await self.gateway.call(asked)
        return alert.alert_id in {each.alert_id for each in found.alerts}


async def test_the_health_of_every_service_shows_and_raises_alerts(
    house: House, tell: Tell
) -> None:
    async with house.running("identity", "observability", identity=QUICK, observability=WATCHFUL):
        gateway = await house.act_as("gateway")
        eyes = Eyes(gateway)
        # Nobody is forgotten: what never beat is missing.
        never = await eventually(lambda: eyes.service("learning", "unreachable"))
        assert (never.instances, never.beat_at) == (0, None)
        await eventually(lambda: eyes.alert("service_late learning"))
        await gateway.signal(_beat_of("learning"))  # a beat in another's name is none

        async with house.running("htm", htm=QUICK):
            well = await eventually(lambda: eyes.service("htm", "healthy"))
            assert (well.instances, well.problems) == (1, ())
            assert await eyes.service("learning", "unreachable")
            passing = await _trouble(house, eyes)
        gone = await eventually(lambda: eyes.alert("service_late htm"))
        assert (gone.severity, gone.status) == ("critical", "open")
        page = await _page(gateway)
        assert page.status == "unhealthy"
        assert page.health_score < 100
        assert gone.alert_id in {each.alert_id for each in page.alerts}
        async with house.running("htm", htm=QUICK):
            await eventually(lambda: eyes.is_resolved(gone))

        # A runner whose clock is ahead: what passed by it was not the last run for ever.
        ahead = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
        await tell("ended", "ahead", started_at=ahead, ended_at=ahead)
        await eventually(lambda: house.rows("observability", "SELECT FROM stress_runs"))
        await tell("ended", status="failed", failure_kind=None, message="too slow")
        await eventually(lambda: eyes.alert("stress_failure checkout"))
        await _check_the_questions(gateway)
        wanted = {gone.alert_id, *(each.alert_id for each in passing)}
        await eventually(lambda: _are_told(house, wanted))


def _beat_of(service: str) -> HealthBeat:
    return HealthBeat(
        service=service, instance="i-1", version="1", ready=True, problems=(), quarantined=0,
        outbox_lag_ms=0, interval_ms=60_000, at=datetime.now(UTC),
    )  # fmt: skip


async def _trouble(house: House, eyes: Eyes) -> list[Alert]:
    """Let htm's quarantine grow and its outbox stand still, and see both pass."""
    row = "gen_random_uuid(), 's', 'm', 'c', 'r', '', '{}', ''"
    await house.rows("htm", f"INSERT INTO quarantine SELECT {row} FROM generate_series(1, 12)")
    growing = await eventually(lambda: eyes.alert("quarantine_growing htm"))
    assert (growing.value, growing.threshold, growing.severity) == (12, 10, "warning")
    await eventually(lambda: eyes.is_resolved(growing))

    await house.rows(
        "htm",
        "INSERT INTO outbox (id, subject, stream, schema, tenant_id, correlation_id, body,"
        " key_id, signature, audited, created_at) VALUES (gen_random_uuid(), 's', 'NOWHERE',"
        " 'x', 'default', 'c', '', 'k', '', false, now() - interval '1 minute')",
    )
    lagging = await eventually(lambda: eyes.alert("event_lag htm"))
    assert lagging.value >= 60_000
    await house.rows("htm", "DELETE FROM outbox WHERE stream = 'NOWHERE'")
    await eventually(lambda: eyes.is_resolved(lagging))
    return [growing, lagging]


async def _check_the_questions(gateway: Runtime) -> None:
    """Pages, statuses and tenants of the list of alerts."""
    every = [each.alert_id for each in (await _alerts(gateway, status="all")).values()]
    first = await gateway.call(ListAlerts(tenant_id="default", limit=2, status="all"))
    before = first.alerts[-1].alert_id
    rest = await gateway.call(
        ListAlerts(tenant_id="default", limit=200, status="all", before=before)
    )
    shown = [each.alert_id for each in (*first.alerts, *rest.alerts)]
    assert shown == sorted(shown, reverse=True)
    assert set(every) <= set(shown)
    # Others see how Grace is, and not how somebody's runs are.
    foreign = await _alerts(gateway, tenant_id="other")
    assert "service_late learning" in foreign
    assert "stress_failure checkout" not in foreign
    with pytest.raises(GraceError, match="open, resolved, all") as refused:
        await _alerts(gateway, status="perhaps")
    assert refused.value.kind is Kind.INVALID


async def _are_told(house: House, wanted: set[str]) -> bool:
    raised, resolved = await _told(house, AlertRaised), await _told(house, AlertResolved)
    return wanted <= raised & resolved


async def _told(house: House, model: type[AlertRaised] | type[AlertResolved]) -> set[str]:
    messages = await house.messages(model.SUBJECT)
    return {model.from_bytes(each.data).alert.alert_id for each in messages}


async def test_two_replicas_raise_one_alert_and_a_restart_raises_none(
    house: House, tell: Tell
) -> None:
    settings = Settings(late_beats=1000)
    async with house.running("observability", observability={"late_beats": 1000}):
        one, other = await house.act_as("observability"), await house.act_as("observability")
        await tell("ended", status="failed")
        await eventually(lambda: house.rows("observability", "SELECT FROM stress_runs"))
        watches = [Watch(settings, Pulse(), announce) for _ in range(6)]
        runtimes = [one, other] * 3
        await asyncio.gather(*(w.tick(r) for w, r in zip(watches, runtimes, strict=True)))
        rows = await house.rows("observability", "SELECT kind, subject FROM alerts")
        assert [(row["kind"], row["subject"]) for row in rows] == [("stress_failure", "checkout")]
        told = await house.rows(
            "observability", "SELECT FROM outbox WHERE subject = $1", AlertRaised.SUBJECT
        )
        assert len(told) == 1
    role = await house.role("observability")
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await role.execute(
                "INSERT INTO observability.alerts SELECT 'another', tenant_id, kind, subject,"
                " severity, status, message, value, threshold FROM observability.alerts"
            )
    finally:
        await role.close()


async def test_a_clock_that_was_set_back_hides_nobody_who_is_gone(house: House) -> None:
    """What was heard then lies ahead: it is no newer than what is heard now, and no sign of life."""
    runtime = await house.act_as("observability")
    beat = HeardBeat(
        "htm", "i-1", "1", ready=True, problems=(), quarantined=0, outbox_lag_ms=0,
        interval=2 * SECOND, age=timedelta(0),
    )  # fmt: skip

    async def missed(*heard: HeardBeat) -> float:
        async with runtime.unit() as unit:
            await Beats(unit.tx).store(heard)
            return (await Beats(unit.tx).read())[0].missed

    assert await missed(beat) == 0
    await house.rows("observability", "UPDATE service_beats SET heard_at = now() + interval '1 h'")
    assert await missed() == pytest.approx(1800, rel=0.1)
    assert await missed(beat) == 0
    async with runtime.unit() as unit:
        now, store = await unit.now(), Beats(unit.tx)
        await store.move([Growth("htm", 0, now + 3600 * SECOND)])
        await store.move([Growth("htm", 12, now)])
        assert (await store.growths())["htm"].mark == 12


async def test_what_grace_runs_without_is_shown_as_it_is(house: House) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split()[1])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    asked: list[str] = []
    door = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = door.sockets[0].getsockname()[1]
    components = Components()
    settings = Settings(
        prometheus_url=f"http://127.0.0.1:{port}/",
        qdrant_url="http://127.0.0.1:1",
        probe_timeout=timedelta(seconds=5),
    )
    probe = Probe(settings, components)

    def shown() -> dict[str, str]:
        return {each.name: each.condition for each in components.all()}

    assert shown() == {"prometheus": "unknown", "qdrant": "unknown", "vault": "not_configured"}
    runtime = await house.act_as("observability")
    async with door:
        await probe.tick(runtime)
    assert asked == ["/-/healthy"]
    assert shown() == {
        "prometheus": "healthy",
        "qdrant": "unreachable",
        "vault": "not_configured",
    }
    for _ in range(2):  # by then the circuit is open: nobody is asked in vain for ever
        await probe.tick(runtime)
    found = {each.name: each for each in components.all()}
    assert found["prometheus"].condition == "unreachable"
    assert found["qdrant"].detail == "failed often; asked again later"
