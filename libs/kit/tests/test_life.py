"""How a service starts, what it says of itself, and how its process ends."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import forked
import pytest
from prometheus_client import Counter
from structlog.testing import capture_logs

from grace.contracts.verification import ActionClosed
from grace.kit import Received, Runtime, SettingsError, Unit, end_tasks
from grace.kit.keys import IdentityKeys
from grace.kit.life import Running
from grace.kit.metrics import LOOP_FAILURES, OUTBOX_RESENT, PERMISSION_VIOLATIONS
from grace.kit.migrations import SchemaMismatch
from grace.kit.ops import listen_ops, readiness, serving_ops
from grace.testkit import House, eventually

from .conftest import CONSUMER, Desk, publish
from .test_migrations import spoil

Messages = Sequence[Received[ActionClosed]]


async def test_a_service_that_runs_has_no_problems(desk: Desk) -> None:
    async with desk.reading() as running:
        assert await readiness([running]) == {"learning": []}


async def test_what_alerts_count_is_there_before_it_happens(house: House) -> None:
    """Prometheus sees no step from nothing to the first one."""
    counted = (PERMISSION_VIOLATIONS, OUTBOX_RESENT, LOOP_FAILURES)
    for counter in counted:
        counter.clear()
    async with house.running("learning"):
        await eventually(lambda: all(_zeros(counter, "learning") for counter in counted))


def _zeros(counter: Counter, service: str) -> bool:
    samples = [sample for metric in counter.collect() for sample in metric.samples]
    counts = [sample for sample in samples if sample.name.endswith("_total")]
    mine = [sample.value for sample in counts if sample.labels["service"] == service]
    return bool(mine) and not any(mine)


async def test_a_service_is_not_ready_before_it_can_be_asked(desk: Desk) -> None:
    running = Running(desk.house.blank("learning"))
    try:
        await running._connect()
        assert running.problems() == ["it does not listen yet"]
        await running._act()
        assert running.problems() == []
    finally:
        await running.stop()


async def test_a_silent_consumer_is_a_problem(desk: Desk) -> None:
    admin = (await desk.house.connect("tester")).jetstream()
    await admin.delete_consumer("EVENTS", CONSUMER)
    async with desk.reading() as running:
        running._intakes[0].pull._last_sign -= 30
        assert running.problems() == [f"consumer {CONSUMER} is silent"]
        await desk.house.installation.apply_streams()
        await eventually(lambda: running.problems() == [])


async def test_a_batch_that_hangs_is_a_problem(desk: Desk, verification: Runtime) -> None:
    begun = asyncio.Event()

    async def hang(_: Messages, __: Unit) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with desk.reading(hang, stop_grace=0.2) as running:
        await publish(verification, "never")
        await asyncio.wait_for(begun.wait(), 5)
        assert running.problems() == []
        running._intakes[0]._busy_since -= 130  # type: ignore[operator]
        assert running.problems() == [f"consumer {CONSUMER} is stuck in a batch"]


async def test_a_part_that_ended_is_a_problem(desk: Desk) -> None:
    async def give_up(_: Runtime) -> None:
        raise ValueError("enough")

    async with desk.up(desk.house.blank("learning").run(give_up)) as running:
        await asyncio.wait_for(running.broken.wait(), 5)
        assert running.problems() == ["1 parts have ended"]


async def test_a_lost_database_is_a_problem_until_it_is_back(desk: Desk) -> None:
    postgres = desk.house.installation.postgres
    async with desk.reading() as running:
        await asyncio.to_thread(postgres.kill)
        try:
            found = await readiness([running])
            assert [each.split(":")[0] for each in found["learning"]] == ["postgres"]
        finally:
            await asyncio.to_thread(postgres.start)

        async def well() -> bool:
            return await readiness([running]) == {"learning": []}

        await eventually(well, timeout=10)


async def test_probes_say_what_is_wrong(desk: Desk) -> None:
    waiting = Running(desk.reader())
    with listen_ops("127.0.0.1", 0) as listener:
        async with serving_ops([waiting], listener):
            port = listener.getsockname()[1]
            assert await _get(port, "/health/live") == (200, '{"status":"live"}')
            status, body = await _get(port, "/health/ready")
            assert status == 503
            waiting.runtime.complaints["files"] = ["a.yaml: line 1"]
            said = json.loads((await _get(port, "/health/ready"))[1])["complaints"]
            assert said == {"learning": ["a.yaml: line 1"]}
            assert json.loads(body)["services"]["learning"] == [
                "nats is unreachable",
                "no signing key yet",
                "postgres is unreachable",
            ]
            assert "grace_messages_handled_total" in (await _get(port, "/metrics"))[1]
    await waiting.stop()


async def _get(port: int, path: str) -> tuple[int, str]:
    """Status and body; status 0 where nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return 0, ""
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return int(head.split()[1]) if head else 0, body


async def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port}: Address already in use"):
            listen_ops("127.0.0.1", port)


async def test_a_service_that_runs_is_ready_over_http(desk: Desk) -> None:
    async with desk.reading() as running:
        with listen_ops("127.0.0.1", 0) as listener:
            async with serving_ops([running], listener):
                assert (await _get(listener.getsockname()[1], "/health/ready"))[0] == 200


async def test_a_service_waits_for_identity(house: House) -> None:
    starting = asyncio.ensure_future(house.blank("learning").keys(IdentityKeys()).start())
    async with house.running("identity"):
        running = await asyncio.wait_for(starting, 10)
        assert running.runtime.keys.loaded
        await running.stop()


async def test_a_service_waits_for_its_servers(desk: Desk, verification: Runtime) -> None:
    """Absent at the start is not an error, and nothing of what was published is lost."""
    installation = desk.house.installation
    await publish(verification, "kept")
    await eventually(lambda: _stored(desk))
    await asyncio.to_thread(installation.nats.kill)
    await asyncio.to_thread(installation.postgres.kill)
    starting = asyncio.ensure_future(desk.reader().start())
    try:
        await asyncio.wait({starting}, timeout=0.3)
        assert not starting.done()
    finally:
        await asyncio.to_thread(installation.postgres.start)
        await asyncio.wait({starting}, timeout=0.3)
        still_waiting = not starting.done()
        await asyncio.to_thread(installation.nats.start)
    running = await asyncio.wait_for(starting, 10)
    assert still_waiting
    await desk.noted("kept", timeout=10)
    await running.stop()


async def _stored(desk: Desk) -> bool:
    rows = await desk.house.rows("verification", "SELECT 1 FROM outbox WHERE sent_at IS NULL")
    return rows == []


async def test_a_start_can_be_given_up(house: House) -> None:
    before = set(asyncio.all_tasks())
    starting = asyncio.ensure_future(house.blank("learning").keys(IdentityKeys()).start())
    await eventually(lambda: len(asyncio.all_tasks()) > len(before) + 1)
    await end_tasks([starting])
    assert starting.cancelled()
    await eventually(lambda: set(asyncio.all_tasks()) <= before)


UNWORKABLE: list[tuple[dict[str, Any], str]] = [
    ({"postgres_database": "nowhere"}, 'database "nowhere" does not exist.*grace migrate'),
    ({"postgres_user": "nobody"}, 'password authentication failed for user "nobody"'),
    ({"nats_seed_file": Path("/nowhere")}, "cannot read the NATS seed file /nowhere: No such"),
    ({"postgres_password_file": Path("/nowhere")}, "the Postgres password file /nowhere: "),
]


async def test_settings_that_cannot_work_are_told_in_one_line(house: House) -> None:
    for changes, told in UNWORKABLE:
        with pytest.raises(SettingsError, match=told) as refused:
            await house.blank("learning", **changes).start()
        assert "\n" not in str(refused.value)


async def test_another_schema_than_the_codes_stops_the_start(house: House) -> None:
    await spoil(house, "UPDATE learning.alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="the schema is at 9999"):
        await house.blank("learning").start()


async def test_the_inbox_of_answers_is_one_however_much_is_published(
    desk: Desk, verification: Runtime
) -> None:
    """A new JetStream context for each use would subscribe once more each time."""
    await publish(verification, "first")
    await eventually(lambda: _stored(desk))
    before = len(verification.client._subs)
    for number in range(2):
        await publish(verification, str(number))
        await eventually(lambda: _stored(desk))
    assert len(verification.client._subs) == before


@asynccontextmanager
async def _process(
    house: House, log: Path, **changes: str
) -> AsyncIterator[tuple[forked.Forked, int]]:
    """The service learning as a process of its own, and the port of its probes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = house.installation.environment("learning", house.database)
    environment = {**os.environ, **own, "GRACE_LEARNING_OPS_PORT": str(port), **changes}
    process = forked.start("grace.learning", environment=environment, log=str(log))
    try:
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(port: int, status: int) -> bool:
    return (await _get(port, "/health/ready"))[0] == status


async def test_a_process_is_ready_when_it_can_work_and_ends_at_sigterm(
    house: House, tmp_path: Path
) -> None:
    async with _process(house, tmp_path / "log") as (process, port):
        await eventually(lambda: _answers(port, 503), timeout=20)
        async with house.running("identity"):
            await eventually(lambda: _answers(port, 200), timeout=20)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_process_that_waits_for_a_server_ends_at_sigterm(
    house: House, tmp_path: Path
) -> None:
    async with _process(house, tmp_path / "log") as (process, port):
        await eventually(lambda: _answers(port, 503), timeout=20)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_start_that_is_given_up_in_its_handshake_is_no_breakdown(desk: Desk) -> None:
    """It waits for the handshake and closes what came of it: nobody lost a connection."""
    running = Running(desk.house.blank("learning"))
    server = desk.house.installation.nats.pid
    os.kill(server, signal.SIGSTOP)
    try:
        starting = asyncio.create_task(running.start())
        await eventually(lambda: running._broker is not None)
        starting.cancel()
    finally:
        os.kill(server, signal.SIGCONT)
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert not running.broken.is_set()


async def test_a_server_that_is_lost_while_a_service_starts_is_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grace.kit.bus._FLUSH_SECONDS", 0.1)
    running = Running(desk.house.blank("learning"))
    await running._connect()
    server = desk.house.installation.nats.pid
    os.kill(server, signal.SIGSTOP)
    try:
        with capture_logs() as told:
            acting = asyncio.create_task(running._act())
            await eventually(lambda: acting.done() or "nats.waiting" in {e["event"] for e in told})
    finally:
        os.kill(server, signal.SIGCONT)
    try:
        await asyncio.wait_for(acting, 5)
        assert running.problems() == []
        # The answer that came late has not made the client deaf.
        assert await running.runtime.stream.stream_info("EVENTS")
    finally:
        await running.stop()


async def test_a_process_with_wrong_settings_says_so_in_one_line(
    house: House, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with _process(house, log, GRACE_LEARNING_POOL_SIZ="3") as (process, _):
        assert await asyncio.wait_for(process.wait(), 30) == 78
    assert log.read_text() == (
        "grace: unknown setting GRACE_LEARNING_POOL_SIZ; did you mean GRACE_LEARNING_POOL_SIZE?\n"
    )
