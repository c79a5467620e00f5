"""Whatever arrives that should not: kept with its reason, counted, told, and nobody else notices."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from nats.errors import MaxPayloadError

from grace.contracts.intent import ErrorDetected
from grace.contracts.kit import Quarantined
from grace.contracts.verification import ActionExecuting
from grace.kit import Received, Runtime, Service, Stream, Unit, new_id
from grace.kit.envelope import sign
from grace.kit.keys import IdentityKeys
from grace.kit.metrics import MESSAGES_REJECTED, RPC_SECONDS
from grace.testkit import House, eventually

from .conftest import CONSUMER, SUBJECT, Desk, closed, publish

Bad = Callable[[Desk, Runtime], Awaitable[None]]
BAD: dict[str, tuple[str, Bad]] = {}


def bad(reason: str) -> Callable[[Bad], Bad]:
    """One kind of bad input, and the reason it is refused for."""

    def add(send: Bad) -> Bad:
        BAD[send.__name__] = (reason, send)
        return send

    return add


def issued(at: datetime) -> UUID:
    """A UUIDv7 made at another time."""
    late = int(at.timestamp() * 1000) << 80
    return UUID(int=late | (new_id().int & ((1 << 80) - 1)))


@bad("not_json")
async def not_json(desk: Desk, signer: Runtime) -> None:
    await desk.forge(b"not json \xff", signer=signer)


@bad("not_json")
async def empty(desk: Desk, signer: Runtime) -> None:
    await desk.forge(b"", signer=signer)


@bad("schema")
async def a_field_is_missing(desk: Desk, signer: Runtime) -> None:
    await desk.forge(b'{"mission_id": "m"}', signer=signer)


@bad("schema")
async def a_field_is_of_another_type(desk: Desk, signer: Runtime) -> None:
    body = json.loads(closed().to_bytes()) | {"revision": "one"}
    await desk.forge(json.dumps(body).encode(), signer=signer)


@bad("schema")
async def a_text_has_a_nul_in_it(desk: Desk, signer: Runtime) -> None:
    body = json.loads(closed().to_bytes()) | {"reason": "a\x00b"}
    await desk.forge(json.dumps(body).encode(), signer=signer)


@bad("schema")
async def schema_of_another_subject(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Grace_Schema=ActionExecuting.SCHEMA)


@bad("schema")
async def schema_that_nobody_knows(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Grace_Schema="grace.none.v1.None")


@bad("schema")
async def tenant_that_is_no_identifier(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Grace_Tenant="a b")


@bad("unsigned")
async def unsigned(desk: Desk, _: Runtime) -> None:
    await desk.forge(closed())


@bad("unsigned")
async def without_any_header(desk: Desk, _: Runtime) -> None:
    await desk.house.publish_raw(user="tester", subject=SUBJECT, body=closed().to_bytes())


@bad("unsigned")
async def signed_by_name_only(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), Grace_Key_Id=signer.keys.key_id)


@bad("bad_signature")
async def signature_of_zeros(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Grace_Signature="A" * 86 + "==")


@bad("bad_signature")
async def signature_that_is_no_base64(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Grace_Signature="???")


@bad("bad_signature")
async def signature_of_another_body(desk: Desk, signer: Runtime) -> None:
    identity = new_id()
    signature = _signature(signer, SUBJECT, identity, closed("another").to_bytes())
    await desk.forge(closed(), signer=signer, identity=identity, Grace_Signature=signature)


@bad("bad_signature")
async def signature_of_another_id(desk: Desk, signer: Runtime) -> None:
    signature = _signature(signer, SUBJECT, new_id(), closed().to_bytes())
    await desk.forge(closed(), signer=signer, Grace_Signature=signature)


@bad("bad_signature")
async def signature_for_another_subject(desk: Desk, signer: Runtime) -> None:
    identity = new_id()
    other = "verification.mission.closed"
    signature = _signature(signer, other, identity, closed().to_bytes())
    await desk.forge(closed(), signer=signer, identity=identity, Grace_Signature=signature)


@bad("foreign_key")
async def key_of_a_component_that_does_not_publish_it(desk: Desk, _: Runtime) -> None:
    await desk.forge(closed(), signer=await desk.house.act_as("htm"))


@bad("foreign_key")
async def key_that_nobody_registered(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Grace_Key_Id=f"verification-{new_id()}")


@bad("foreign_key")
async def key_id_in_bytes_that_are_no_text(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Grace_Key_Id="\x00\u2028\ud7ff")


@bad("bad_id")
async def id_that_is_none(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, Nats_Msg_Id="1; DROP TABLE outbox")


@bad("bad_id")
async def id_in_another_spelling(desk: Desk, signer: Runtime) -> None:
    identity = new_id()
    await desk.forge(closed(), signer=signer, identity=identity, Nats_Msg_Id=f"{{{identity}}}")


@bad("bad_id")
async def id_that_does_not_tell_its_time(desk: Desk, signer: Runtime) -> None:
    await desk.forge(closed(), signer=signer, identity=uuid4())


@bad("issued_in_future")
async def issued_in_the_future(desk: Desk, signer: Runtime) -> None:
    at = datetime.now(UTC) + timedelta(minutes=6)
    await desk.forge(closed(), signer=signer, identity=issued(at))


@bad("too_old")
async def older_than_inboxes_remember(desk: Desk, signer: Runtime) -> None:
    at = datetime.now(UTC) - timedelta(days=7, minutes=1)
    await desk.forge(closed(), signer=signer, identity=issued(at))


def _signature(signer: Runtime, subject: str, identity: UUID, body: bytes) -> str:
    return b64encode(sign(signer.keys, subject, identity, body)).decode()


def _counted(reason: str) -> float:
    value: float = MESSAGES_REJECTED.labels("learning", SUBJECT, reason)._value.get()
    return value


async def test_every_bad_message_is_kept_counted_and_told_and_the_others_are_handled(
    desk: Desk, verification: Runtime
) -> None:
    before = {reason: _counted(reason) for reason, _ in BAD.values()}
    await publish(verification, "good-1")
    await eventually(lambda: desk.house.messages(SUBJECT))
    for _, send in BAD.values():
        await send(desk, verification)
    async with desk.reading():
        await publish(verification, "good-2")
        await desk.noted("good-1", "good-2")
        rows = await desk.quarantined(len(BAD))
        found = [row["reason"] for row in rows]
        assert sorted(found) == sorted(reason for reason, _ in BAD.values())
        assert {row["consumer"] for row in rows} == {CONSUMER}
        for reason, count in before.items():
            assert _counted(reason) == count + found.count(reason)
        told = await _told(desk, len(BAD))
    assert sorted(each.reason for each in told) == sorted(found)
    assert {each.original_subject for each in told} == {SUBJECT}


async def _told(desk: Desk, count: int) -> list[Quarantined]:
    async def all_of_them() -> list[Quarantined]:
        stored = await desk.house.messages("quarantine.learning")
        assert all(each.headers["Grace-Key-Id"].startswith("learning-") for each in stored)
        assert len(stored) == count
        return [Quarantined.from_bytes(each.data) for each in stored]

    told: list[Quarantined] = await eventually(all_of_them)
    return told


async def test_what_is_kept_tells_all_about_it(desk: Desk, verification: Runtime) -> None:
    await desk.forge(b"\x00" * 100_000, signer=verification, Nats_Msg_Id="x\u2028" * 200)
    async with desk.reading():
        (row,) = await desk.quarantined()
    assert row["reason"] == "bad_id"
    assert row["subject"] == SUBJECT
    assert row["message_id"] == ("x\u2028" * 200)[:256]
    assert row["body"] == b"\x00" * 64 * 1024
    headers = json.loads(str(row["headers"]))
    assert headers["Grace-Key-Id"] == verification.keys.key_id
    assert "Grace-Signature" in headers


async def test_a_redelivered_bad_message_is_kept_once(desk: Desk, verification: Runtime) -> None:
    await desk.forge(b"bad", signer=verification)
    async with desk.reading():
        await desk.quarantined()
    admin = (await desk.house.connect("tester")).jetstream()
    await admin.delete_consumer("EVENTS", CONSUMER)
    await desk.house.installation.apply_streams()
    before = _counted("not_json")
    async with desk.reading():
        await eventually(lambda: _counted("not_json") > before)
        await desk.quarantined(1)


async def test_two_bad_messages_of_one_id_are_both_kept(desk: Desk) -> None:
    """An id is the sender's to choose: the second one must not hide behind the first."""
    identity = new_id()
    async with desk.reading():
        await desk.forge(b"one", identity=identity)
        await desk.quarantined(1)
        # As after the stream's own deduplication.
        await (await desk.house.connect("tester")).jetstream().delete_stream("EVENTS")
        await desk.house.installation.apply_streams()
        await desk.forge(b"two", identity=identity)
        rows = await desk.quarantined(2)
    assert {row["body"] for row in rows} == {b"one", b"two"}


async def test_a_message_that_nats_does_not_take_fails_at_its_sender(desk: Desk) -> None:
    client = await desk.house.connect("outside")
    with pytest.raises(MaxPayloadError):
        await client.publish(ErrorDetected.SUBJECT, b"x" * (1024 * 1024 + 1))


class Front(Desk):
    """The same with a service that takes messages from anybody."""

    def make(self, handled: list[Received[ErrorDetected]]) -> Service:
        """A service that remembers what it handled."""

        async def remember(messages: object, _: Unit) -> None:
            assert isinstance(messages, list)
            handled.extend(messages)

        return self.house.blank("intent").handle(Stream().on(ErrorDetected, remember))

    async def send(self, body: bytes, **headers: str) -> None:
        """Publish as the program of somebody else."""
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        await self.house.publish_raw(
            user="outside", subject=ErrorDetected.SUBJECT, body=body, headers=given or None
        )


@pytest.fixture
def front(desk: Desk) -> Front:
    return Front(desk.house)


def _report(target: str = "t-1") -> bytes:
    return ErrorDetected(
        source="watcher",
        kind="thing.broken",
        target=target,
        message="it broke",
        severity="error",
        detected_at=datetime.now(UTC),
    ).to_bytes()


async def test_a_strangers_message_is_believed_nothing_but_its_body(front: Front) -> None:
    handled: list[Received[ErrorDetected]] = []
    await front.send(_report(), Grace_Tenant="other", Nats_Msg_Id="any\u2028thing" * 100)
    async with front.up(front.make(handled)):
        (message,) = await eventually(lambda: handled)
    assert (message.publisher, message.key_id, message.tenant) == (None, None, "default")


async def test_a_stranger_who_signs_must_sign_well(front: Front) -> None:
    handled: list[Received[ErrorDetected]] = []
    await front.send(_report(), **_signed_by_nobody())
    await front.send(_report("good"))
    async with front.up(front.make(handled)):
        (message,) = await eventually(lambda: handled)
        (row,) = await eventually(
            lambda: front.house.rows("intent", "SELECT reason FROM quarantine")
        )
    assert message.body.target == "good"
    assert row["reason"] == "foreign_key"


@pytest.mark.parametrize("status", ["100", "404", "408", "409", "503"])
async def test_a_header_does_not_make_a_message_a_status(front: Front, status: str) -> None:
    """Else it were never acknowledged, and a thousand of them would stop the consumer for good."""
    handled: list[Received[ErrorDetected]] = []
    await front.send(_report(), Status=status, Nats_Pending_Messages="999", correlation_id="c-\x1f")
    async with front.up(front.make(handled)):
        await eventually(lambda: handled)
        await eventually(lambda: _acknowledged(front.house))


async def _acknowledged(house: House) -> bool:
    info = (
        await (await house.connect("tester"))
        .jetstream()
        .consumer_info("INTAKE", "intent-error-detected")
    )
    return info.num_ack_pending == 0 and info.num_pending == 0


async def test_unknown_keys_are_asked_about_once(front: Front) -> None:
    handled: list[Received[ErrorDetected]] = []
    async with front.house.running("identity"), front.up(front.make(handled)):
        before = _questions()
        for round_ in range(3):
            for _ in range(5):
                unknown = _signed_by_nobody() | {"Grace_Key_Id": "gateway-1"}
                await front.send(_report(), **unknown)
            await front.send(_report())
            await eventually(lambda: len(handled) == round_ + 1)  # noqa: B023 - asked right here
    assert _questions() == before + 1


def _questions() -> float:
    """How often identity was asked for the registry."""
    (family,) = RPC_SECONDS.collect()
    return sum(
        sample.value
        for sample in family.samples
        if sample.name.endswith("_count") and sample.labels["subject"] == "rpc.identity.registry"
    )


async def test_while_identity_is_away_only_unknown_signers_wait(house: House) -> None:
    """Even of the same batch the others are handled."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    handled: list[str] = []

    async def slow(messages: Sequence[Received[ErrorDetected]], _: Unit) -> None:
        begun.set()
        await go_on.wait()
        handled.extend(message.body.target for message in messages)

    front = Front(house)
    blank = house.blank("intent").keys(IdentityKeys()).handle(Stream().on(ErrorDetected, slow))
    async with house.running("identity"):
        intent = await blank.start()
    try:
        await front.send(_report("first"))
        await asyncio.wait_for(begun.wait(), 5)
        await front.send(_report("waits"), **_signed_by_nobody())
        await front.send(_report("goes-on"))
        await eventually(lambda: len(intent._intakes[0].pull.held) == 2)
        go_on.set()
        await eventually(lambda: handled == ["first", "goes-on"])
        assert await house.rows("intent", "SELECT reason FROM quarantine") == []
        async with house.running("identity"):
            (row,) = await eventually(lambda: house.rows("intent", "SELECT reason FROM quarantine"))
        assert row["reason"] == "foreign_key"
        assert handled == ["first", "goes-on"]
    finally:
        await intent.stop()


def _signed_by_nobody() -> dict[str, str]:
    return {
        "Grace_Key_Id": f"gateway-{new_id()}",
        "Grace_Signature": "AAAA",
        "Nats_Msg_Id": str(new_id()),
    }
