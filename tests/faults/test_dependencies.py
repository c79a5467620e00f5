"""Every service without each of its servers: it says so, lives on, and works again once it is back.

The servers are there all the time; what goes wrong is the way to them. Each fault is there when the
services start, and comes again while they run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from faults import files
from faults.fleet import Fleet
from faults.story import ended, keep_approving, patiently
from faults.test_kills import LONG, kept_streams, people, report
from faults.wires import Fault, Wire, wire

from grace.client import Grace
from grace.kit import end_tasks
from grace.stack.ports import free_port
from grace.testkit import House, eventually

# A server that hangs is told by the silence: NATS's after two pings of ten seconds.
_NOTICED_SECONDS = 45.0
_BACK_SECONDS = 30.0
_GRACE_SECONDS, _END_SECONDS = 3.0, 15.0
_SHORT = {("nats", Fault.REFUSES), ("postgres", Fault.HANGS)}
# All of them in the long form, by `make torture`.
_CASES = [
    pytest.param(lost, fault, marks=() if (lost, fault) in _SHORT else LONG)
    for lost in ("nats", "postgres")
    for fault in Fault
]


@dataclass(frozen=True, slots=True)
class Scene:
    """The services, their ways to NATS and Postgres, and where each says how it is."""

    fleet: Fleet
    ways: dict[str, Wire]
    probes: dict[str, str]
    door: int
    token: str
    http: httpx.AsyncClient

    async def ready(self) -> dict[str, bool | None]:
        """Whether each service is ready; None where it does not even say that it lives."""
        found = await asyncio.gather(*(self._ready(url) for url in self.probes.values()))
        return dict(zip(self.probes, found, strict=True))

    async def _ready(self, url: str) -> bool | None:
        try:
            live = await self.http.get(f"{url}/health/live")
            ready = await self.http.get(f"{url}/health/ready")
        except httpx.HTTPError:
            return None
        assert live.status_code == 200
        assert ready.status_code in {200, 503}
        return ready.status_code == 200

    async def all_work(self) -> None:
        """Wait until every service is ready."""
        await eventually(lambda: self._all(ready=True), timeout=_BACK_SECONDS)

    async def all_suffer(self, lost: str, fault: Fault) -> None:
        """Wait until it is felt: where NATS is slow, by those who ask over it."""
        if (lost, fault) != ("nats", Fault.DELAYS):
            await self.all_say_so()
            return
        token = {"Authorization": f"Bearer {self.token}"}

        async def is_degraded() -> bool:
            answer = await self.http.get(f"http://127.0.0.1:{self.door}/api/health", headers=token)
            return bool(answer.json()["data"]["status"] == "degraded")

        await eventually(is_degraded, timeout=_NOTICED_SECONDS)

    async def all_say_so(self) -> None:
        """Wait until every service says that it lives and is not ready."""
        await eventually(lambda: self._all(ready=False), timeout=_NOTICED_SECONDS)

    async def _all(self, *, ready: bool) -> bool:
        found = await self.ready()
        assert found == dict.fromkeys(self.probes, ready)
        return True


@asynccontextmanager
async def scene(
    house: House, folder: Path, *, lost: Sequence[str], fault: Fault
) -> AsyncIterator[Scene]:
    """Every service as a process of its own, started while a fault is on its way to some servers."""
    installation = house.installation
    upstream = {
        "nats": urlsplit(installation.nats.url).port or 0,
        "postgres": installation.postgres.port,
    }
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(kept_streams(house))
        ways = {
            name: await stack.enter_async_context(wire(port, free_port()))
            for name, port in upstream.items()
        }
        for name in lost:
            await ways[name].fail(fault)
        ports = {name: free_port() for name in installation.names}
        changes = {
            name: {
                "NATS_URL": f"nats://127.0.0.1:{ways['nats'].port}",
                "POSTGRES_PORT": str(ways["postgres"].port),
                "OPS_PORT": str(port),
                "STOP_GRACE": f"PT{_GRACE_SECONDS}S",
            }
            for name, port in ports.items()
        }
        door = free_port()
        changes["gateway"]["PORT"] = str(door)
        (folder / "books").mkdir(exist_ok=True)
        changes["intent"]["PLAYBOOK_DIR"] = str(folder / "books")
        fleet = Fleet(installation, house.database, folder, changes)
        await stack.enter_async_context(fleet)
        http = httpx.AsyncClient(timeout=10, trust_env=False)
        await stack.enter_async_context(http)
        probes = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        token = installation.admin_key_file.read_text(encoding="utf-8").strip()
        yield Scene(fleet, ways, probes, door, token, http)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("lost", "fault"), _CASES)
async def test_every_service_lives_without_a_server_and_works_when_it_is_back(
    house: House, tmp_path: Path, lost: str, fault: Fault
) -> None:
    root, playbooks = tmp_path / "root", tmp_path / "books"
    files.prepare(root, playbooks, house.installation.targets_file, files.HEALED)
    async with scene(house, tmp_path, lost=[lost], fault=fault) as stage:
        await stage.all_say_so()
        await stage.ways[lost].mend()
        await stage.all_work()
        async with people(house, stage.door) as (admin, approver):
            await stage.ways[lost].fail(fault)
            beside = [
                asyncio.create_task(report(admin, files.HEALED)),
                asyncio.create_task(keep_approving(approver)),
            ]
            try:
                await stage.all_suffer(lost, fault)
                await stage.ways[lost].mend()
                await stage.all_work()
                mission = await ended(admin, files.HEALED.kind)
            finally:
                await end_tasks(beside)
        assert (mission.status, files.HEALED.is_over(root)) == ("verified", True)
        assert stage.fleet.starts == dict.fromkeys(stage.fleet.names, 1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("lost", "fault"), _CASES)
async def test_every_service_ends_in_time_though_a_server_is_lost(
    house: House, tmp_path: Path, lost: str, fault: Fault
) -> None:
    """Kubernetes sends SIGKILL after thirty seconds, ten more than what is in hand may take; here it is twelve."""
    async with scene(house, tmp_path, lost=[], fault=fault) as stage:
        await stage.all_work()
        await stage.ways[lost].fail(fault)
        await stage.all_suffer(lost, fault)
        async with asyncio.timeout(_END_SECONDS):
            codes = await stage.fleet.retire()
        assert codes == dict.fromkeys(stage.fleet.names, 0)


@pytest.mark.timeout(120)
async def test_requests_are_answered_while_the_gateways_postgres_is_silent(house: House) -> None:
    """Not after the half a minute and more in which a statement is given up."""
    installation, door = house.installation, free_port()
    async with wire(installation.postgres.port, free_port()) as way:
        settings = {"port": door, "postgres_port": way.port, "rpc_timeout": "PT1S"}
        async with house.running("gateway", gateway=settings):
            token = installation.admin_key_file.read_text(encoding="utf-8").strip()
            async with Grace(f"http://127.0.0.1:{door}", token) as admin:
                await patiently(lambda: admin.keys(limit=1))
            await way.fail(Fault.HANGS)
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(headers=headers, timeout=15, trust_env=False) as http:
                asked = [http.get(f"http://127.0.0.1:{door}/api/missions") for _ in range(20)]
                answers = await asyncio.gather(*asked)
            assert {each.status_code for each in answers} == {503}
            assert {each.json()["detail"] for each in answers} == {
                "Postgres has not answered in time; try again later."
            }
            await way.mend()
