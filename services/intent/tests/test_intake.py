"""Errors come in: one mission each, however often they are told."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import REGISTRY

from grace.contracts.intent import ErrorCaptured, ErrorDetected, RecallMission
from grace.contracts.verification import MissionClosed
from grace.intent import handlers, loops
from grace.intent.planner import Rules
from grace.intent.settings import Settings
from grace.intent.store import Ended, Missions
from grace.kit import NotFound, Received, Runtime, new_id
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]


async def _missions(house: House) -> list[asyncpg.Record]:
    return await house.rows("intent", "SELECT * FROM missions ORDER BY captured_at")


async def _counted(house: House, wanted: int) -> list[asyncpg.Record]:
    """Wait until so many signals are counted; return the missions."""

    async def counted() -> list[asyncpg.Record] | None:
        missions = await _missions(house)
        return missions if sum(each["signal_count"] for each in missions) == wanted else None

    found: list[asyncpg.Record] = await eventually(counted, timeout=120)
    return found


async def _captured(house: House, wanted: int) -> list[ErrorCaptured]:
    """Wait until so many error.captured are in the stream; return them."""

    async def enough() -> bool:
        return len(await house.messages("error.captured")) >= wanted

    await eventually(enough)
    found = await house.messages("error.captured")
    return [ErrorCaptured.from_bytes(message.data) for message in found]


def _received(errors: Sequence[ErrorDetected], **other: object) -> list[Received[ErrorDetected]]:
    """Make the messages that the kit hands to the handler."""
    facts = {
        "subject": "error.detected",
        "publisher": None,
        "key_id": None,
        "tenant": "default",
        "correlation_id": "c",
        "traceparent": None,
    }
    return [
        Received(**({"body": one, "id": new_id(), "issued_at": one.detected_at} | facts | other))
        for one in errors
    ]


async def _handle(intent: Runtime, errors: Sequence[ErrorDetected], **other: object) -> None:
    settings = intent.settings
    assert isinstance(settings, Settings)
    async with intent.unit() as unit:
        await handlers.on_error_detected(
            settings, loops.Plan, Rules(), _received(errors, **other), unit
        )


async def test_a_detected_error_gets_a_mission_that_is_told_once(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        await report(make_error(message="it\nis  broken", details={"pid": 7}))
        (mission,) = await _counted(house, 1)
        (captured,) = await _captured(house, 1)
    fingerprint = sha256(b"default|thing.broken|t-1").hexdigest()
    assert captured.mission_id == mission["mission_id"]
    assert captured.mission_id.startswith("mission-")
    assert captured.fingerprint == mission["fingerprint"] == fingerprint
    assert captured.message == "it is broken"
    assert (captured.requested_by, captured.severity) == ("admin", "error")
    assert captured.captured_at == mission["captured_at"]
    (signal,) = await house.rows("intent", "SELECT * FROM signals")
    assert signal["id"] == UUID(captured.signal_id) == mission["signal_id"]
    assert json.loads(signal["details"]) == {"pid": 7}


async def test_a_batch_of_256_equal_errors_is_one_mission_with_256_counted_signals(
    house: House, report: Report, make_error: MakeError
) -> None:
    await report(*[make_error(message=f"no {n}") for n in range(256)])
    async with house.running("intent", intent={"kept_signals": 5}):
        (mission,) = await _counted(house, 256)
        assert len(await _captured(house, 1)) == 1
    assert mission["detected_at"] < mission["last_detected_at"]
    assert len(await house.rows("intent", "SELECT FROM signals")) == 5


@pytest.mark.timeout(240)
async def test_a_storm_of_10_000_equal_errors_over_three_replicas_is_one_mission(
    house: House, report: Report, make_error: MakeError
) -> None:
    storm = make_error()
    async with AsyncExitStack() as replicas:
        await replicas.enter_async_context(house.running("intent"))
        await replicas.enter_async_context(house.running("intent"))
        await replicas.enter_async_context(house.running("intent"))
        await report(*[storm] * 10_000)
        (mission,) = await _counted(house, 10_000)
        assert len(await _captured(house, 1)) == 1
    kept = await house.rows("intent", "SELECT FROM signals")
    assert len(kept) == Settings.model_fields["kept_signals"].default
    assert mission["signal_count"] == 10_000


async def test_different_errors_of_a_batch_are_different_missions(
    house: House, report: Report, make_error: MakeError
) -> None:
    errors = [make_error(target=f"t-{n % 10}", kind=f"k{n % 3}") for n in range(60)]
    async with house.running("intent"):
        await report(*errors)
        missions = await _counted(house, 60)
        captured = await _captured(house, 30)
    assert len(missions) == len(captured) == 30
    assert {each.mission_id for each in captured} == {each["mission_id"] for each in missions}


async def test_replicas_that_take_the_same_errors_at_once_do_not_block_each_other(
    house: House, make_error: MakeError
) -> None:
    errors = [make_error(target=f"t-{n}") for n in range(50)]
    async with house.running("intent") as services:
        intent = services["intent"]
        for turn in range(5):
            order = errors if turn % 2 else errors[::-1]
            await asyncio.gather(*(_handle(intent, order) for _ in range(3)))
        missions = await _counted(house, 50 * 15)
    assert [each["signal_count"] for each in missions] == [15] * 50


async def test_a_report_that_is_delivered_again_is_counted_once(
    house: House, report: Report, make_error: MakeError
) -> None:
    error = make_error()
    async with house.running("intent"):
        await report(error, **{"Nats-Msg-Id": "once"})
        await report(error, **{"Nats-Msg-Id": "always-this"})
        await _counted(house, 2)
    # The stream forgets ids, intent does not; but another report under the same id is another one.
    await house.empty_streams()
    await report(error, **{"Nats-Msg-Id": "once"})
    await report(make_error(), **{"Nats-Msg-Id": "always-this"})
    async with house.running("intent"):
        assert len(await _counted(house, 3)) == 1


async def test_who_signed_answers_for_the_report(house: House, make_error: MakeError) -> None:
    async with house.running("intent", intent={"outside_principal": "watcher"}):
        gateway = await house.act_as("gateway")
        await gateway.report(make_error())
        await gateway.report(make_error(target="t-3", requested_by="maria"))
        verification = await house.act_as("verification")
        await verification.report(make_error(target="t-4", requested_by="maria"))
        await house.publish_raw(
            user="outside",
            subject="error.detected",
            body=make_error(target="t-2", requested_by="maria").to_bytes(),
            headers={"Grace-Tenant": "somebody-else"},
        )
        missions = await _counted(house, 4)
    assert {(each["target"], each["requested_by"]) for each in missions} == {
        ("t-1", "gateway"),
        ("t-2", "watcher"),
        ("t-3", "maria"),
        ("t-4", "maria"),
    }
    assert {each["tenant_id"] for each in missions} == {"default"}


async def test_what_is_no_report_is_quarantined_and_the_rest_goes_on(
    house: House, report: Report, make_error: MakeError
) -> None:
    await report(make_error())
    await house.publish_raw(user="outside", subject="error.detected", body=b'{"kind": 1}')
    await report(make_error())
    async with house.running("intent"):
        await _counted(house, 2)
        (refused,) = await house.rows("intent", "SELECT * FROM quarantine")
    assert refused["reason"] == "schema"


async def test_text_that_databases_dislike_does_no_harm(
    house: House, report: Report, make_error: MakeError
) -> None:
    text = "'; DROP TABLE intents; -- \\ %s $1 :x \u202e \U0001f4a5"
    await report(make_error(message=text, details={"\u2028": [text, 1e308]}))
    async with house.running("intent"):
        (mission,) = await _counted(house, 1)
    assert mission["message"] == text.replace("\u202e ", "")


async def test_a_closed_mission_frees_its_fingerprint(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        verification = await house.act_as("verification")
        await report(make_error())
        (first,) = await _counted(house, 1)
        await verification.report(_closed(first["mission_id"], make_error()))
        await eventually(lambda: _status(house, "closed"))
        await report(make_error())
        _, second = await _counted(house, 2)
        assert second["mission_id"] != first["mission_id"]
        captured = await _captured(house, 2)
    assert [each.mission_id for each in captured] == [first["mission_id"], second["mission_id"]]


async def test_the_echo_of_a_closed_mission_opens_no_other(
    house: House, make_error: MakeError
) -> None:
    async with house.running("intent") as services:
        intent = services["intent"]
        error = make_error()
        await _handle(intent, [error])
        (first,) = await _missions(house)
        async with intent.unit() as unit:
            end = Ended(first["mission_id"], "verified", await unit.now())
            (closed,) = await Missions(unit.tx).close([end])
        assert (closed.mission_id, closed.missed) == (first["mission_id"], None)
        await _handle(intent, [error, error])
        (first,) = await _missions(house)
        assert (first["signal_count"], first["status"]) == (3, "closed")
        await _handle(intent, [error], issued_at=first["closed_at"] + timedelta(microseconds=1))
        assert [each["signal_count"] for each in await _missions(house)] == [3, 1]
        assert len(await _captured(house, 2)) == 2


@pytest.mark.parametrize(
    ("publisher", "missions"), [("gateway", 2), ("verification", 1), (None, 1)]
)
async def test_the_gateway_alone_says_when_a_report_was_sent_whose_id_does_not(
    house: House, make_error: MakeError, publisher: str | None, missions: int
) -> None:
    async with house.running("intent") as services:
        intent, error = services["intent"], make_error()
        await _handle(intent, [error])
        (first,) = await _missions(house)
        async with intent.unit() as unit:
            await Missions(unit.tx).close(
                [Ended(first["mission_id"], "verified", await unit.now())]
            )
        (first,) = await _missions(house)
        later = first["closed_at"] + timedelta(microseconds=1)
        said = error.model_copy(update={"sent_at": later})
        await _handle(intent, [said], publisher=publisher)
        assert len(await _missions(house)) == missions


async def test_the_report_that_opened_a_mission_is_answered_by_its_end_whatever_clocks_say(
    house: House, make_error: MakeError
) -> None:
    async with house.running("intent") as services:
        intent = services["intent"]
        await _handle(intent, [make_error()])
        (first,) = await _missions(house)
        async with intent.unit() as unit:
            behind = Ended(
                first["mission_id"], "blocked", first["last_issued_at"] - timedelta(hours=1)
            )
            (closed,) = await Missions(unit.tx).close([behind])
        assert closed.missed is None


async def test_an_error_that_came_before_the_word_of_an_end_opens_the_next(
    house: House, make_error: MakeError
) -> None:
    async with house.running("intent") as services:
        intent, verification = services["intent"], await house.act_as("verification")
        before = make_error(details={"n": 1})
        await _handle(intent, [before])
        (first,) = await _missions(house)
        closed_at = first["captured_at"]
        after = make_error(details={"n": 2})
        await _handle(intent, [before], issued_at=closed_at - timedelta(seconds=1))
        await _handle(intent, [after], issued_at=closed_at + timedelta(milliseconds=1))
        end = _closed(first["mission_id"], before).model_copy(update={"closed_at": closed_at})
        await verification.report(end)
        first, second = await _counted(house, 4)
        assert (first["status"], first["signal_count"]) == ("closed", 3)
        assert (second["status"] != "closed", second["signal_count"]) == (True, 1)
        assert second["fingerprint"] == first["fingerprint"]
        kept = "SELECT details FROM signals WHERE mission_id = $1"
        assert [
            row["details"] for row in await house.rows("intent", kept, second["mission_id"])
        ] == ['{"n": 2}']
        assert len(await _captured(house, 2)) == 2


async def test_an_end_that_comes_twice_or_for_nobody_changes_nothing(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        verification = await house.act_as("verification")
        await report(make_error())
        (mission,) = await _counted(house, 1)
        end = _closed(mission["mission_id"], make_error())
        await verification.report(_closed("mission-of-nobody", make_error()))
        await verification.report(end)
        await verification.report(end.model_copy(update={"status": "failed"}))
        await eventually(lambda: _ignored("stale") >= 2)
        (mission,) = await _missions(house)
    assert (mission["status"], mission["outcome"]) == ("closed", "verified")


async def test_an_end_by_anyone_but_verification_is_refused(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        await report(make_error())
        (mission,) = await _counted(house, 1)
        await house.publish_raw(
            user="tester",
            subject=MissionClosed.SUBJECT,
            body=_closed(mission["mission_id"], make_error()).to_bytes(),
        )
        refused = await eventually(lambda: house.rows("intent", "SELECT * FROM quarantine"))
        assert [each["reason"] for each in refused] == ["unsigned"]
        assert not await _status(house, "closed")


async def test_what_was_captured_is_said_again_to_verification(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        verification = await house.act_as("verification")
        await report(make_error())
        (captured,) = await _captured(house, 1)
        again = await verification.call(RecallMission(mission_id=captured.mission_id))
        assert (again.captured, again.planned) == (captured, None)
        with pytest.raises(NotFound, match="No such mission"):
            await verification.call(RecallMission(mission_id="mission-of-nobody"))


async def test_the_time_of_every_capture_is_measured(
    house: House, report: Report, make_error: MakeError
) -> None:
    before = _observed()
    async with house.running("intent"):
        await report(make_error(), make_error())
        await _counted(house, 2)
        await eventually(lambda: _observed() == before + 2)


def _closed(mission_id: str, at: ErrorDetected) -> MissionClosed:
    return MissionClosed(
        mission_id=mission_id,
        tenant_id="default",
        status="verified",
        confidence=1.0,
        closed_at=at.detected_at,
    )


async def _status(house: House, status: str) -> bool:
    return all(each["status"] == status for each in await _missions(house))


def _ignored(reason: str) -> float:
    labels = {"service": "intent", "subject": MissionClosed.SUBJECT, "reason": reason}
    return REGISTRY.get_sample_value("grace_messages_ignored_total", labels) or 0


def _observed() -> float:
    return REGISTRY.get_sample_value("grace_intent_capture_seconds_count") or 0
