"""The permissions are enough for what must work, and a real server denies the rest."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig

from grace.contracts.permissions import INSTALLER, OUTSIDE, durable, inbox_prefix, users
from grace.contracts.subject import Kind, Subject
from grace.contracts.subjects import SERVICES, STREAMS, SUBJECTS
from grace.kit.flushing import flush

Connect = Callable[[str], Awaitable[Client]]
PASSWORD = "secret"


def config(folder: Path) -> str:
    """HOCON reads JSON, so the table of permissions goes in as it is."""
    accounts = [
        {
            "user": user,
            "password": PASSWORD,
            "permissions": {
                "publish": {"allow": rights.publish},
                "subscribe": {"allow": rights.subscribe},
            }
            | ({"allow_responses": {"max": 1, "expires": "30s"}} if rights.allow_responses else {}),
        }
        for user, rights in users().items()
    ]
    return json.dumps(
        {
            "listen": "127.0.0.1:-1",
            "ports_file_dir": str(folder),
            "jetstream": {"store_dir": str(folder / "js"), "max_file_store": 2**30},
            "authorization": {"users": accounts},
        }
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("nats")
    (folder / "nats.conf").write_text(config(folder))
    binary = Path(sys.executable).with_name("nats-server")
    arguments = [str(binary), "-c", str(folder / "nats.conf"), "-l", str(folder / "log")]
    with subprocess.Popen(arguments) as process:
        try:
            yield asyncio.run(_address(folder, process))
        finally:
            process.terminate()


async def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    async with asyncio.timeout(10):
        while process.poll() is None:
            for path in folder.glob("*.ports"):
                with suppress(ValueError):
                    return str(json.loads(path.read_text())["nats"][0])
            await asyncio.sleep(0.01)
    raise RuntimeError((folder / "log").read_text())


@pytest.fixture
async def errors() -> list[str]:
    return []


@pytest.fixture
async def connect(server: str, errors: list[str]) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def on_error(error: Exception) -> None:
            errors.append(str(error).lower())

        async def connect_as(user: str) -> Client:
            client = await nats.connect(
                server, user=user, password=PASSWORD, inbox_prefix=inbox_prefix(user).encode(),
                error_cb=on_error, allow_reconnect=False,
            )  # fmt: skip
            stack.push_async_callback(client.close)
            return client

        yield connect_as


@pytest.fixture
async def installed(connect: Connect) -> None:
    """Streams and durables, made by the installer with nothing but its own rights."""
    installer = (await connect(INSTALLER)).jetstream(timeout=2)
    for stream in STREAMS.values():
        wanted = StreamConfig(
            name=stream.name, subjects=list(stream.subjects), max_bytes=2**20,
            deny_delete=True, deny_purge=True,
        )  # fmt: skip
        await installer.add_stream(wanted)
        await installer.update_stream(wanted)
        assert (await installer.stream_info(stream.name)).config.name == stream.name
    for subject in SUBJECTS.values():
        for reader in subject.consumers:
            if subject.stream and reader != OUTSIDE:
                await _add_consumer(installer, subject, reader)


async def _add_consumer(installer: JetStreamContext, subject: Subject, reader: str) -> None:
    name = durable(reader, subject.name)
    for given in (None, name):  # nats-py asks on another subject where the name is given.
        wanted = ConsumerConfig(
            name=given,
            durable_name=name,
            filter_subject=subject.pattern,
            ack_policy=AckPolicy.EXPLICIT,
        )
        await installer.add_consumer(subject.stream, wanted)
    assert (await installer.consumer_info(subject.stream, name)).name == name


@pytest.mark.usefixtures("installed")
async def test_every_stream_subject_flows_from_its_publishers_to_its_readers(
    connect: Connect, errors: list[str]
) -> None:
    for subject in (s for s in SUBJECTS.values() if s.stream):
        for publisher in subject.publishers:
            stream = (await connect(publisher)).jetstream(timeout=2)
            ack = await stream.publish(subject.at(service=publisher), b"{}")
            assert ack.stream == subject.stream
        for reader in subject.consumers:
            if reader != OUTSIDE:
                await _pull(await connect(reader), subject.stream, durable(reader, subject.name))
    assert errors == []


async def _pull(client: Client, stream: str, consumer: str) -> None:
    jetstream = client.jetstream(timeout=2)
    subscription = await jetstream.pull_subscribe_bind(consumer=consumer, stream=stream)
    [message] = await subscription.fetch(1, timeout=2)
    await message.in_progress()  # Spends the one answer that allow_responses grants.
    await message.ack_sync(timeout=2)
    assert (await jetstream.consumer_info(stream, consumer)).name == consumer


async def test_every_query_is_answered_by_its_owner(connect: Connect, errors: list[str]) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(b"answer")

    for subject in (s for s in SUBJECTS.values() if s.kind is Kind.query):
        for service in (each for each in SERVICES if subject.is_answered_by(each)):
            owner = await connect(service)
            await owner.subscribe(subject.served_by(service), queue=service, cb=answer)
            await flush(owner)
            for asker in subject.publishers:
                asked = subject.at(service=service if subject.owner == "{service}" else asker)
                reply = await (await connect(asker)).request(asked, b"{}", timeout=2)
                assert reply.data == b"answer"
    assert errors == []


async def test_every_signal_reaches_its_readers(connect: Connect, errors: list[str]) -> None:
    for subject in (s for s in SUBJECTS.values() if s.kind is Kind.signal):
        for reader in subject.consumers:
            listener = await connect(reader)
            heard = await listener.subscribe(subject.pattern)
            await flush(listener)
            speaker = await connect(subject.publishers[0])
            await speaker.publish(subject.at(kernel="postgres"), b"{}")
            assert (await heard.next_msg(timeout=2)).data == b"{}"
    assert errors == []


@pytest.mark.usefixtures("installed")
async def test_outside_hears_how_a_problem_ended(connect: Connect, errors: list[str]) -> None:
    outside = await connect(OUTSIDE)
    heard = await outside.subscribe("agentic.problem_resolved")
    await flush(outside)
    verification = (await connect("verification")).jetstream(timeout=2)
    await verification.publish("agentic.problem_resolved", b"{}")
    assert (await heard.next_msg(timeout=2)).data == b"{}"
    assert errors == []


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("gateway", "htm.task.finished"),
        (OUTSIDE, "approval.granted"),
        ("intent", "quarantine.htm"),
        ("worker", "rpc.identity.issue.identity"),
        ("htm", "$JS.API.STREAM.DELETE.EVENTS"),
        ("htm", "$JS.API.CONSUMER.CREATE.EVENTS.spy"),
        (INSTALLER, "$JS.API.STREAM.PURGE.EVENTS"),
        (INSTALLER, "error.captured"),
    ],
)
async def test_an_unlisted_publish_is_denied(
    connect: Connect, errors: list[str], user: str, subject: str
) -> None:
    client = await connect(user)
    await client.publish(subject, b"{}")
    await _settled(client)
    assert errors == [f'nats: permissions violation for publish to "{subject.lower()}"']


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("worker", "_INBOX.>"),
        ("worker", "_INBOX_htm.>"),
        ("worker", "approval.granted"),
        ("worker", ">"),
        (OUTSIDE, "quarantine.*"),  # Refused messages with their bodies are internal ones, too.
        (OUTSIDE, "quarantine.htm"),
    ],
)
async def test_an_unlisted_subscription_is_denied(
    connect: Connect, errors: list[str], user: str, subject: str
) -> None:
    client = await connect(user)
    await client.subscribe(subject)
    await _settled(client)
    assert len(errors) == 1
    assert "permissions violation for subscription" in errors[0]


async def _settled(client: Client) -> None:
    """The server answers in order, so an error that was on its way has arrived."""
    await flush(client)
