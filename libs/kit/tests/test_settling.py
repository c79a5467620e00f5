"""What lies in the quarantine is handled again once, or let go, by a person's word; else it stays."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from grace.contracts.intent import ErrorDetected
from grace.contracts.kit import (
    KeptMessage,
    ListQuarantined,
    QuarantineSettled,
    SettleQuarantined,
)
from grace.contracts.verification import ActionClosed
from grace.kit import (
    Conflict,
    Invalid,
    NotFound,
    Received,
    Runtime,
    Stream,
    TimedOut,
    Unit,
    new_id,
)
from grace.testkit import eventually

from .conftest import Desk, closed, note, publish

SETTLED = "quarantine.learning.settled"


class Handler:
    """Notes messages once it is mended; until then it does what a test says."""

    def __init__(self) -> None:
        self.fault: Exception | None = ValueError("a bug")
        self.refuses = False

    async def __call__(self, messages: Sequence[Received[ActionClosed]], unit: Unit) -> None:
        if self.fault is not None:
            raise self.fault
        if self.refuses:
            for message in messages:
                unit.refuse(message, reason="refused", detail="not like this")
            return
        await note(messages, unit)


@pytest.fixture
async def gateway(desk: Desk) -> Runtime:
    """Who asks for people."""
    return await desk.house.act_as("gateway")


async def page(gateway: Runtime, before: str | None = None, limit: int = 10) -> list[KeptMessage]:
    asked = ListQuarantined(before=before, limit=limit)
    return list((await gateway.call(asked, service="learning")).messages)


async def settle(
    gateway: Runtime, quarantine_id: str, *, replay: bool = True, service: str = "learning"
) -> QuarantineSettled:
    order = SettleQuarantined(
        quarantine_id=quarantine_id, replay=replay, principal="ada", reason="it is mended"
    )
    return await gateway.call(order, service=service)


async def only(gateway: Runtime) -> KeptMessage:
    (found,) = await page(gateway)
    return found


async def told(desk: Desk, count: int) -> list[QuarantineSettled]:
    async def all_of_them() -> list[QuarantineSettled]:
        stored = await desk.house.messages(SETTLED)
        assert len(stored) == count
        return [QuarantineSettled.from_bytes(each.data) for each in stored]

    found: list[QuarantineSettled] = await eventually(all_of_them)
    return found


async def test_what_failed_is_handled_again_once_its_handler_is_mended(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    handler = Handler()
    async with desk.reading(handler, max_deliveries=1):
        await publish(verification, "lost")
        await desk.quarantined()
        kept = await only(gateway)
        assert (kept.reason, kept.detail) == ("handler_failed", "ValueError")
        assert kept.subject == ActionClosed.SUBJECT
        assert kept.key_id == verification.keys.key_id
        with pytest.raises(Conflict, match="It failed again: ValueError"):
            await settle(gateway, kept.quarantine_id)
        assert (await only(gateway), await desk.notes()) == (kept, [])
        handler.fault = None
        settled = await settle(gateway, kept.quarantine_id)
        assert (settled.outcome, settled.principal) == ("handled", "ada")
        assert (await page(gateway), await desk.notes()) == ([], ["lost"])
        with pytest.raises(NotFound):
            await settle(gateway, kept.quarantine_id)
        assert await told(desk, 1) == [settled]
        assert settled.sha256 == kept.sha256


async def test_of_many_who_say_so_at_once_one_has_it_handled(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    handler = Handler()
    async with desk.reading(handler, max_deliveries=1):
        await publish(verification, "lost")
        await desk.quarantined()
        kept, handler.fault = await only(gateway), None
        orders = [settle(gateway, kept.quarantine_id) for _ in range(10)]
        answers = await asyncio.gather(*orders, return_exceptions=True)
        assert sum(isinstance(each, QuarantineSettled) for each in answers) == 1
        assert sum(isinstance(each, NotFound) for each in answers) == 9
        assert await desk.notes() == ["lost"]
        await told(desk, 1)


async def test_what_is_refused_again_stays_where_it_is(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    handler = Handler()
    handler.fault, handler.refuses = None, True
    async with desk.reading(handler):
        await publish(verification, "wrong")
        await desk.quarantined()
        kept = await only(gateway)
        with pytest.raises(Conflict, match="refused again: refused: not like this"):
            await settle(gateway, kept.quarantine_id)
        assert await only(gateway) == kept
        handler.refuses = False
        assert (await settle(gateway, kept.quarantine_id)).outcome == "handled"
        assert await desk.notes() == ["wrong"]


async def test_what_never_passed_the_door_does_not_pass_it_now_and_can_be_let_go(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    async with desk.reading():
        await desk.forge(b"\x00" * 100_000, signer=verification)
        await desk.quarantined()
        kept = await only(gateway)
        assert (kept.reason, kept.kept_bytes) == ("not_json", 64 * 1024)
        with pytest.raises(Conflict, match=r"refused still: bad_signature.* first 64 KiB"):
            await settle(gateway, kept.quarantine_id)
        settled = await settle(gateway, kept.quarantine_id, replay=False)
        assert (settled.outcome, settled.original_id) == ("discarded", kept.message_id)
        assert (await page(gateway), await desk.notes()) == ([], [])
        assert await told(desk, 1) == [settled]


async def test_a_long_message_that_passed_the_door_is_kept_whole(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    long = closed("long", diff="x" * 4096, params="y" * 4096)
    body = long.to_bytes()
    padded = body[:-1] + b" " * 100_000 + b"}"
    handler = Handler()
    async with desk.reading(handler, max_deliveries=1):
        await desk.forge(padded, signer=verification)
        await desk.quarantined()
        kept, handler.fault = await only(gateway), None
        assert kept.kept_bytes == len(padded)
        assert (await settle(gateway, kept.quarantine_id)).outcome == "handled"
        assert await desk.notes() == ["long"]


async def test_what_was_handled_meanwhile_changes_nothing_and_the_answer_says_so(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    handler, identity = Handler(), new_id()
    async with desk.up(desk.reader(handler, inbox=True, max_deliveries=1)):
        await desk.forge(closed("once"), signer=verification, identity=identity)
        await desk.quarantined()
        kept, handler.fault = await only(gateway), None
        await desk.house.rows(
            "learning",
            "INSERT INTO inbox (consumer, message_id) VALUES ($1, $2)",
            kept.consumer,
            identity,
        )
        settled = await settle(gateway, kept.quarantine_id)
        assert (settled.outcome, settled.detail) == ("unchanged", "duplicate")
        assert await desk.notes() == []


async def test_a_stranger_s_messages_without_an_id_are_each_handled(
    desk: Desk, gateway: Runtime
) -> None:
    handled: list[Received[ErrorDetected]] = []
    fault: list[Exception] = [ValueError()]

    async def remember(messages: Sequence[Received[ErrorDetected]], _: Unit) -> None:
        if fault:
            raise fault[0]
        handled.extend(messages)

    blank = desk.house.blank("intent", max_deliveries=1)
    async with desk.up(blank.handle(Stream().on(ErrorDetected, remember, inbox=True))):
        for target in ("t-1", "t-2"):
            body = ErrorDetected(
                source="watcher", kind="thing.broken", target=target, message="it broke",
                severity="error", detected_at=datetime.now(UTC),
            ).to_bytes()  # fmt: skip
            await desk.house.publish_raw(user="outside", subject=ErrorDetected.SUBJECT, body=body)

        async def both() -> list[KeptMessage]:
            found = await gateway.call(ListQuarantined(limit=10), service="intent")
            assert len(found.messages) == 2
            return list(found.messages)

        kept = await eventually(both)
        fault.clear()
        # Signed or not: inboxes have forgotten by then.
        await desk.house.rows(
            "intent", "UPDATE quarantine SET received_at = now() - interval '8 days'"
        )
        with pytest.raises(Conflict, match="too long ago"):
            await settle(gateway, kept[0].quarantine_id, service="intent")
        await desk.house.rows(
            "intent", "UPDATE quarantine SET received_at = now() - interval '6 days'"
        )
        for each in kept:
            settled = await settle(gateway, each.quarantine_id, service="intent")
            assert settled.outcome == "handled"
        assert {each.body.target for each in handled} == {"t-1", "t-2"}


async def test_pages_go_on_where_the_one_before_ended(desk: Desk, gateway: Runtime) -> None:
    async with desk.reading():
        for text in (b"one", b"two", b"three"):
            await desk.forge(text)
        await desk.quarantined(3)
        first = await page(gateway, limit=2)
        rest = await page(gateway, before=first[-1].place, limit=2)
        assert [*first, *rest] == await page(gateway)
        assert (len(first), len(rest)) == (2, 1)
        assert first[0].received_at >= first[1].received_at >= rest[0].received_at
        for place in ("x", "1-x", "9" * 40 + f"-{uuid4()}"):
            with pytest.raises(Invalid):
                await page(gateway, before=place)


async def test_what_came_with_a_request_can_only_be_let_go(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    async with desk.reading():
        await desk.forge(b"bad", signer=verification)
        await desk.quarantined()
        await desk.house.rows("learning", "UPDATE quarantine SET consumer = ''")
        kept = await only(gateway)
        with pytest.raises(Conflict, match="asker has gone"):
            await settle(gateway, kept.quarantine_id)
        assert await only(gateway) == kept


async def test_nobody_but_the_gateway_settles_and_only_whom_it_names(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    async with desk.reading() as learning:
        await desk.forge(b"bad", signer=verification)
        await desk.quarantined()
        kept = await only(gateway)
        for stranger in (learning.runtime, verification):
            with pytest.raises(TimedOut):  # NATS does not pass it on
                await stranger.call(
                    SettleQuarantined(
                        quarantine_id=kept.quarantine_id, replay=False, principal="eve", reason="-"
                    ),
                    service="learning",
                    timeout=0.5,
                )
        for wrong in (str(uuid4()), "no-such-id"):
            with pytest.raises(NotFound):
                await settle(gateway, wrong)
        assert await only(gateway) == kept


async def test_one_in_a_hundred_that_cannot_be_handled_costs_the_others_nothing(
    desk: Desk, verification: Runtime, gateway: Runtime
) -> None:
    """Ninety-nine are handled and one is kept, of whatever sort; what only failed is handled later, once."""
    faulty = {f"faulty-{number}" for number in range(8)}
    is_mended = False

    async def handle(messages: Sequence[Received[ActionClosed]], unit: Unit) -> None:
        if not is_mended and any(each.body.contract_id in faulty for each in messages):
            raise ValueError("a bug")
        await note(messages, unit)

    good = [f"good-{number:04}" for number in range(1_980)]
    async with desk.reading(handle, max_deliveries=2):
        for start in range(0, len(good), 495):
            await publish(verification, *good[start : start + 495])
            await publish(verification, *sorted(faulty)[start // 495 * 2 :][:2])
            for body in (b"not json", b"{}", b"\xff"):
                await desk.forge(body, signer=verification)
        rows = await desk.quarantined(20, timeout=60)
        await desk.noted(*good, timeout=60)
        is_mended = True
        for row in rows:
            order = settle(gateway, str(row["id"]))
            if row["reason"] == "handler_failed":
                assert (await order).outcome == "handled"
            else:
                with pytest.raises(Conflict):
                    await order
        assert len(await page(gateway, limit=100)) == 12
        assert await desk.notes() == sorted([*good, *faulty])
