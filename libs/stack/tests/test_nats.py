"""The embedded nats-server, on its real binary."""

import asyncio
import json
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.js.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from grace.kit.flushing import flush
from grace.stack.errors import StackError
from grace.stack.leftovers import alive
from grace.stack.nats import NatsServer, UserPermissions
from grace.stack.ports import LOOPBACK

USERS = {
    "installer": UserPermissions(
        publish=("$JS.API.>", "jobs.>"), subscribe=("_INBOX_installer.>",)
    ),
    "talker": UserPermissions(publish=("jobs.new", "rpc.time"), subscribe=("_INBOX_talker.>",)),
    "clock": UserPermissions(subscribe=("rpc.time",), allow_responses=True),
    "mute": UserPermissions(subscribe=("jobs.new",)),
}
ABANDON = """
import signal, sys
from pathlib import Path
from grace.stack.nats import NatsServer
server = NatsServer(Path(sys.argv[1]), {})
server.start()
print(server.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server that runs."""
    server = NatsServer(tmp_path, USERS)
    server.start()
    yield server
    server.stop()


@asynccontextmanager
async def connected(
    server: NatsServer, user: str, complaints: asyncio.Queue[str] | None = None
) -> AsyncIterator[Client]:
    """A client of one user; what the server complains about lands in the queue, lower-cased."""

    async def complain(error: Exception) -> None:
        if complaints is not None:
            await complaints.put(str(error).lower())

    client = await nats.connect(
        server.url,
        nkeys_seed=str(server.seed_file(user)),
        inbox_prefix=f"_INBOX_{user}".encode(),
        error_cb=complain,
        allow_reconnect=False,
        connect_timeout=5,
    )
    try:
        yield client
    finally:
        await client.close()


async def stored(server: NatsServer) -> int:
    """Count the messages of the stream JOBS."""
    async with connected(server, "installer") as client:
        return (await client.jetstream(timeout=5).stream_info("JOBS")).state.messages


async def keep_one(server: NatsServer) -> None:
    """Make the stream JOBS and store one message in it."""
    async with connected(server, "installer") as client:
        stream = client.jetstream(timeout=5)
        await stream.add_stream(name="JOBS", subjects=["jobs.>"])
        await stream.publish("jobs.new", b"1")


async def test_an_allowed_subject_passes(server: NatsServer) -> None:
    async with connected(server, "mute") as reader, connected(server, "talker") as writer:
        heard = await reader.subscribe("jobs.new")
        await flush(reader)
        await writer.publish("jobs.new", b"hello")
        assert (await heard.next_msg(timeout=5)).data == b"hello"


@pytest.mark.parametrize(("user", "subject"), [("talker", "jobs.old"), ("mute", "jobs.new")])
async def test_an_unlisted_subject_is_denied(server: NatsServer, user: str, subject: str) -> None:
    complaints: asyncio.Queue[str] = asyncio.Queue()
    async with connected(server, user, complaints) as client:
        await client.publish(subject, b"x")
        refusal = await asyncio.wait_for(complaints.get(), 5)
    assert f'permissions violation for publish to "{subject}"' in refusal


async def test_an_unlisted_subscription_is_denied(server: NatsServer) -> None:
    complaints: asyncio.Queue[str] = asyncio.Queue()
    async with connected(server, "talker", complaints) as client:
        await client.subscribe("jobs.>")
        refusal = await asyncio.wait_for(complaints.get(), 5)
    assert 'permissions violation for subscription to "jobs.>"' in refusal


async def test_a_server_of_requests_may_answer_and_nothing_else(server: NatsServer) -> None:
    complaints: asyncio.Queue[str] = asyncio.Queue()
    async with connected(server, "clock", complaints) as clock, connected(server, "talker") as user:

        async def answer(message: Msg) -> None:
            await message.respond(b"noon")

        await clock.subscribe("rpc.time", cb=answer)
        await flush(clock)
        assert (await user.request("rpc.time", b"", timeout=5)).data == b"noon"
        assert complaints.empty()
        await clock.publish("jobs.new", b"x")
        assert 'publish to "jobs.new"' in await asyncio.wait_for(complaints.get(), 5)


async def test_a_stranger_is_not_let_in(server: NatsServer) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, int(server.url.rpartition(":")[2]))
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    assert b"'Authorization Violation'" in await asyncio.wait_for(reader.read(), 5)
    writer.close()


async def test_keys_ports_and_messages_survive_a_new_start(tmp_path: Path) -> None:
    first = NatsServer(tmp_path, USERS)
    first.start()
    await keep_one(first)
    url, seed = first.url, first.seed_file("talker").read_bytes()
    first.stop()
    assert not first.running
    second = NatsServer(tmp_path, USERS)
    second.start()
    assert (second.url, second.seed_file("talker").read_bytes()) == (url, seed)
    assert await stored(second) == 1
    second.stop()


async def test_stored_messages_survive_a_kill(server: NatsServer) -> None:
    await keep_one(server)
    server.kill()
    server.start()
    assert await stored(server) == 1


def test_a_message_is_on_the_disk_before_it_is_acknowledged(server: NatsServer) -> None:
    with urllib.request.urlopen(f"{server.monitor_url}/jsz", timeout=5) as answer:  # noqa: S310
        assert json.load(answer)["config"]["sync_always"] is True


async def test_a_wipe_loses_the_store_and_keeps_users_and_ports(server: NatsServer) -> None:
    await keep_one(server)
    url = server.url
    server.wipe()
    assert server.url == url
    with pytest.raises(nats.js.errors.NotFoundError):
        await stored(server)


async def test_a_reload_disturbs_nobody_who_stays(server: NatsServer) -> None:
    pid = server.pid
    async with connected(server, "talker") as client, connected(server, "mute") as other:
        heard = await other.subscribe("jobs.new")
        await flush(other)
        await asyncio.to_thread(
            server.reload, {**USERS, "talker": UserPermissions(publish=("jobs.new",))}
        )
        await client.publish("jobs.new", b"x")
        assert (await heard.next_msg(timeout=5)).data == b"x"
    assert server.pid == pid


async def test_a_reload_cuts_off_who_is_gone(server: NatsServer) -> None:
    complaints: asyncio.Queue[str] = asyncio.Queue()
    async with connected(server, "talker", complaints):
        server.reload({"mute": USERS["mute"]})
        await asyncio.wait_for(complaints.get(), 5)


async def test_a_reload_gives_new_rights(server: NatsServer) -> None:
    server.reload({**USERS, "late": UserPermissions(subscribe=("jobs.new",))})
    async with connected(server, "late") as client:
        assert client.is_connected


async def test_a_refused_reload_leaves_the_users_as_they_are(server: NatsServer) -> None:
    with pytest.raises(StackError, match="refuses its configuration"):
        server.reload({"mute": UserPermissions(publish=("not a subject",))})
    async with connected(server, "talker") as client:
        assert client.is_connected


@pytest.mark.parametrize("name", ["", "../up", "A B", "a" * 64])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    server = NatsServer(tmp_path, {name: UserPermissions()})
    with pytest.raises(StackError, match="cannot name a NATS user"):
        server.start()


def test_seeds_are_private(server: NatsServer) -> None:
    for user in USERS:
        assert stat.S_IMODE(server.seed_file(user).stat().st_mode) == 0o600


def test_a_spoilt_seed_is_not_replaced_in_silence(server: NatsServer) -> None:
    server.seed_file("mute").write_bytes(b"spoilt")
    with pytest.raises(StackError, match=r"mute\.nk holds no nkey: restore it"):
        server.restart()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=f"^port {port} is taken: .*$"):
            NatsServer(tmp_path, USERS, client_port=port).start()


def test_starting_and_stopping_twice_changes_nothing(server: NatsServer) -> None:
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    server.stop()
    assert not server.running


async def test_it_ends_when_grace_is_killed(
    tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    grace = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ABANDON, str(tmp_path), stdout=subprocess.PIPE
    )
    assert grace.stdout is not None
    left = int(await grace.stdout.readline())
    grace.send_signal(signal.SIGKILL)
    await grace.wait()
    eventually(lambda: not alive(left))


async def test_what_an_earlier_start_left_running_is_ended(
    server: NatsServer, tmp_path: Path
) -> None:
    await keep_one(server)
    successor = NatsServer(tmp_path, USERS)
    successor.start()
    assert not server.running
    assert await stored(successor) == 1
    successor.stop()
