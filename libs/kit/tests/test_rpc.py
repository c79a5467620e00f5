import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from grace.contracts.identity import IssueKey
from grace.contracts.kit import Problem
from grace.contracts.learning import GetSummary, PlaybookRecord, PlaybookScored, Summary
from grace.kit import (
    Called,
    Conflict,
    Forbidden,
    InternalError,
    Invalid,
    Kind,
    NotFound,
    RateLimited,
    Rpc,
    Runtime,
    Stale,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unit,
    error_of,
    new_id,
)
from grace.kit.envelope import MOST_BYTES, headers_of
from grace.kit.flushing import flush
from grace.testkit import eventually

from .conftest import Desk

SUBJECT = GetSummary.SUBJECT
RECORD = PlaybookRecord(
    playbook="mend-it",
    total_executions=1,
    successful_executions=1,
    success_rate=1.0,
    confidence=1.0,
    lower_bound=1.0,
    updated_at=datetime(2026, 11, 20, tzinfo=UTC),
)
KINDS = [
    Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Stale, TooLarge, RateLimited,
    Unavailable, TimedOut, InternalError,
]  # fmt: skip


class UnknownPlaybook(NotFound):
    """No such playbook."""


async def _summary(call: Called[GetSummary], _: Unit) -> Summary:
    """Answers as the tenant's name asks it to."""
    what = call.body.tenant_id
    match what:
        case "unknown":
            raise UnknownPlaybook
        case "broken":
            raise ValueError("hunter2")
        case "restarting":
            raise asyncpg.AdminShutdownError("restarting")
        case "huge":
            record = RECORD.model_copy(update={"playbook": "x" * 1_050_000})
            return Summary(total_outcomes=1).model_copy(update={"playbooks": (record,)})
        case "nul":
            raise Invalid("a\x00b" + "x" * 5000)
        case _ if what in Kind.__members__.values():
            raise error_of(what, "as asked for")
    return Summary(total_outcomes=len(what))


@pytest.fixture
async def learning(desk: Desk) -> AsyncIterator[Runtime]:
    over = asyncio.Event()

    async def answer(call: Called[GetSummary], unit: Unit) -> Summary:
        if call.body.tenant_id == "slow":
            await over.wait()  # a stop lets it end, and would wait for it
        return await _summary(call, unit)

    blank = desk.house.blank("learning").serve(Rpc().on(GetSummary, answer))
    async with desk.up(blank) as running:
        yield running.runtime
        over.set()
        await desk.house.dismiss()  # else its stop waits for those who still ask


@pytest.fixture
async def gateway(desk: Desk, learning: Runtime) -> Runtime:
    return await desk.house.act_as("gateway")


async def test_a_question_gets_a_typed_answer(gateway: Runtime) -> None:
    answer = await gateway.call(GetSummary(tenant_id="four"))
    assert answer.total_outcomes == 4


async def test_a_route_begins_with_no_mock_and_no_model_of_its_handler(desk: Desk) -> None:
    running = await desk.house.blank("learning").serve(Rpc().on(GetSummary, _summary)).start()
    try:
        assert running._broker is not None
        [[call]] = [subscriber.calls for subscriber in running._broker.subscribers]
        assert call.dependant is None
        assert not hasattr(call.handler, "_recorder")
    finally:
        await running.stop()


async def test_every_kind_of_error_crosses(gateway: Runtime) -> None:
    for error in KINDS:
        with pytest.raises(error, match="as asked for"):
            await gateway.call(GetSummary(tenant_id=error.kind))
    assert {error.kind for error in KINDS} == set(Kind)


async def test_a_services_own_error_comes_as_its_kind_with_its_docstring(gateway: Runtime) -> None:
    with pytest.raises(NotFound, match="No such playbook.") as told:
        await gateway.call(GetSummary(tenant_id="unknown"))
    assert type(told.value) is NotFound


async def test_a_bug_is_an_answer_that_tells_nothing(gateway: Runtime) -> None:
    with pytest.raises(InternalError) as told:
        await gateway.call(GetSummary(tenant_id="broken"))
    assert "hunter2" not in str(told.value)


async def test_whatever_happens_there_is_an_answer(gateway: Runtime) -> None:
    with pytest.raises(Unavailable):
        await gateway.call(GetSummary(tenant_id="restarting"))
    with pytest.raises(TooLarge):
        await gateway.call(GetSummary(tenant_id="huge"))
    with pytest.raises(Invalid, match="a\ufffdb"):
        await gateway.call(GetSummary(tenant_id="nul"))


async def test_a_late_answer_is_a_timeout(gateway: Runtime) -> None:
    with pytest.raises(TimedOut, match="within 0.1 s"):
        await gateway.call(GetSummary(tenant_id="slow"), timeout=0.1)


async def test_an_owner_that_is_down_is_unavailable_at_once(desk: Desk) -> None:
    gateway = await desk.house.act_as("gateway")
    with pytest.raises(Unavailable, match="nobody answers"):
        await gateway.call(GetSummary(tenant_id="a"), timeout=30)


async def test_while_nats_is_away_a_question_is_unavailable_at_once(
    desk: Desk, gateway: Runtime
) -> None:
    nats = desk.house.installation.nats
    await asyncio.to_thread(nats.kill)
    try:
        await eventually(lambda: not gateway.client.is_connected)
        with pytest.raises(Unavailable, match="NATS is unreachable"):
            await gateway.call(GetSummary(tenant_id="a"), timeout=30)
    finally:
        await asyncio.to_thread(nats.start)
    answer = await eventually(lambda: gateway.call(GetSummary(tenant_id="back")))
    assert answer.total_outcomes == 4


async def test_a_question_on_a_connection_that_is_lost_is_given_up_at_once(
    desk: Desk, gateway: Runtime
) -> None:
    """The server forgets who may answer: no answer to it can ever come."""
    asking = asyncio.ensure_future(gateway.call(GetSummary(tenant_id="slow"), timeout=60))
    await eventually(lambda: gateway.client._resp_map)
    await asyncio.to_thread(desk.house.installation.nats.restart)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(asking, 5)


async def test_a_question_that_does_not_fit_is_refused_where_it_is_asked(
    gateway: Runtime,
) -> None:
    huge = GetSummary.model_construct(tenant_id="x" * MOST_BYTES)
    with pytest.raises(TooLarge):
        await gateway.call(huge)
    assert (await gateway.call(GetSummary(tenant_id="on"))).total_outcomes == 2


async def _ask_raw(desk: Desk, body: bytes, headers: dict[str, str] | None) -> Problem:
    client = await desk.house.connect("tester")
    reply = await client.request(SUBJECT, body, timeout=5, headers=headers)
    assert reply.headers is not None
    assert reply.headers["Grace-Schema"] == Problem.SCHEMA
    return Problem.from_bytes(reply.data)


def _headers(signer: Runtime, body: bytes) -> dict[str, str]:
    question = GetSummary(tenant_id="a")
    return headers_of(signer.keys, question, subject=SUBJECT, identity=new_id(), data=body)


async def test_who_may_not_ask_is_refused(desk: Desk, gateway: Runtime) -> None:
    htm = await desk.house.act_as("htm")
    body = GetSummary(tenant_id="a").to_bytes()
    stranger = await _ask_raw(desk, body, _headers(htm, body))
    nobody = await _ask_raw(desk, body, None)
    altered = await _ask_raw(desk, body.replace(b"a", b"b"), _headers(gateway, body))
    assert {each.kind for each in (stranger, nobody, altered)} == {"forbidden"}
    assert "htm does not publish rpc.learning.summary" in stranger.detail
    assert "must be signed" in nobody.detail
    assert "the signature does not fit" in altered.detail


async def test_a_malformed_question_is_invalid(desk: Desk, gateway: Runtime) -> None:
    for body in (b"", b"not json", b'{"tenant_id": 1}', b"\xff", b"[" * 10_000):
        headers = _headers(gateway, body) | {"content-type": "application/json"}
        assert (await _ask_raw(desk, body, headers)).kind == "invalid"


async def test_an_answer_that_is_none_is_not_believed(desk: Desk) -> None:
    """A stream that took the subject answers with its acknowledgement, in the owner's place."""
    gateway = await desk.house.act_as("gateway")
    stranger = await desk.house.connect("tester")
    answers: list[tuple[dict[str, str] | None, bytes]] = [
        (None, b'{"stream": "EVENTS", "seq": 1}'),
        ({"Grace-Schema": PlaybookScored.SCHEMA}, b"{}"),
        ({"Grace-Schema": Summary.SCHEMA}, b"not what it says"),
        ({"Grace-Schema": Problem.SCHEMA}, b"nor this"),
    ]
    waiting = list(answers)

    async def answer(message: Any) -> None:
        headers, body = waiting.pop()
        await stranger.publish(message.reply, body, headers=headers)

    await stranger.subscribe(SUBJECT, cb=answer)
    await flush(stranger)
    for _ in answers:
        with pytest.raises(Unavailable, match="was answered"):
            await gateway.call(GetSummary(tenant_id="a"))
    assert waiting == []


async def test_requests_that_wait_share_a_transaction(desk: Desk) -> None:
    transactions: set[int] = set()
    calls_: list[int] = []

    async def many(calls: Sequence[Called[GetSummary]], unit: Unit) -> Sequence[Any]:
        transactions.add(id(unit))
        calls_.append(len(calls))
        await unit.now()
        return [
            NotFound("asked for")
            if call.body.tenant_id == "missing"
            else await _summary(call, unit)
            for call in calls
        ]

    blank = desk.house.blank("learning").serve(Rpc().on_many(GetSummary, many))
    async with desk.up(blank):
        gateway = await desk.house.act_as("gateway")
        names = ["x" * n for n in range(1, 41)]
        asked = [gateway.call(GetSummary(tenant_id=name)) for name in [*names, "missing"]]
        *answers, missing = await asyncio.gather(*asked, return_exceptions=True)
        assert [answer.total_outcomes for answer in answers] == list(range(1, 41))
        assert isinstance(missing, NotFound)
        await desk.house.dismiss()
    assert sum(calls_) == 41
    assert len(calls_) < 20


async def test_a_request_can_be_answered_without_a_transaction(desk: Desk) -> None:
    async def direct(call: Called[GetSummary], runtime: Runtime) -> Summary:
        assert runtime.name == "learning"
        assert call.caller == "gateway"
        return Summary(total_outcomes=7)

    blank = desk.house.blank("learning").serve(Rpc().direct(GetSummary, direct))
    async with desk.up(blank):
        gateway = await desk.house.act_as("gateway")
        assert (await gateway.call(GetSummary(tenant_id="a"))).total_outcomes == 7
        await desk.house.dismiss()


async def test_replicas_share_the_questions(desk: Desk) -> None:
    asked: list[str] = []

    def answering(name: str) -> Rpc:
        async def direct(_: Called[GetSummary], __: Runtime) -> Summary:
            asked.append(name)
            return Summary(total_outcomes=0)

        return Rpc().direct(GetSummary, direct)

    first = desk.house.blank("learning").serve(answering("first"))
    second = desk.house.blank("learning").serve(answering("second"))
    async with desk.up(first), desk.up(second):
        gateway = await desk.house.act_as("gateway")
        await asyncio.gather(*(gateway.call(GetSummary(tenant_id="a")) for _ in range(50)))
        await desk.house.dismiss()
    assert len(asked) == 50
    assert set(asked) == {"first", "second"}


async def test_a_service_that_stops_answers_what_it_was_asked(desk: Desk) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Called[GetSummary], __: Runtime) -> Summary:
        begun.set()
        await go_on.wait()
        return Summary(total_outcomes=1)

    running = await desk.house.blank("learning").serve(Rpc().direct(GetSummary, slow)).start()
    gateway = await desk.house.act_as("gateway")
    asking = asyncio.ensure_future(gateway.call(GetSummary(tenant_id="a")))
    await asyncio.wait_for(begun.wait(), 5)
    stopping = asyncio.ensure_future(running.stop())
    with pytest.raises(Unavailable, match="nobody answers"):
        await eventually_refused(gateway)
    go_on.set()
    assert (await asking).total_outcomes == 1
    await stopping


async def eventually_refused(gateway: Runtime) -> None:
    """Ask until it is refused; before that, the question waits behind the other one."""
    while True:
        try:
            await gateway.call(GetSummary(tenant_id="later"), timeout=0.2)
        except TimedOut:
            continue


async def test_first_keys_are_asked_for_without_a_signature(desk: Desk) -> None:
    async with desk.house.running("identity"):
        gateway = await desk.house.act_as("gateway")
        assert gateway.keys.key_id.startswith("gateway-")
        with pytest.raises(Invalid, match="X25519"):
            await gateway.call(IssueKey(component="gateway", ephemeral_public_key=b"short"))
