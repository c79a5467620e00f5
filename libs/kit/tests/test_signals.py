import asyncio
from datetime import UTC, datetime

from grace.contracts.governance import Permit
from grace.contracts.htm import WorkHint
from grace.kit import Received, Runtime, new_id
from grace.kit.envelope import headers_of
from grace.testkit import eventually

from .conftest import Desk

SUBJECT = Permit.SUBJECT


def _permit(version: int) -> Permit:
    return Permit(version=version, allowed=True, reverts_allowed=True, issued_at=datetime.now(UTC))


async def test_a_signed_signal_is_heard_with_its_publisher(desk: Desk) -> None:
    heard: asyncio.Queue[Received[Permit]] = asyncio.Queue()

    async def hear(message: Received[Permit], _: Runtime) -> None:
        heard.put_nowait(message)

    governance = await desk.house.act_as("governance")
    async with desk.up(desk.house.blank("worker").listen(Permit, hear)):
        await governance.signal(_permit(1))
        message = await asyncio.wait_for(heard.get(), 5)
    assert (message.body.version, message.publisher) == (1, "governance")


async def test_a_forged_signal_is_not_heard_and_the_next_one_is(desk: Desk) -> None:
    heard: list[int] = []

    async def hear(message: Received[Permit], _: Runtime) -> None:
        heard.append(message.body.version)
        if message.body.version == 10:
            raise ValueError("a bug in the handler")

    governance, htm = await desk.house.act_as("governance"), await desk.house.act_as("htm")
    async with desk.up(desk.house.blank("worker").listen(Permit, hear)):
        body = _permit(1).to_bytes()
        for headers in (
            None,
            {"Grace-Signature": "AAAA", "Grace-Key-Id": "governance-1"},
            _signed(htm, body),
            _signed(governance, body) | {"Nats-Msg-Id": str(new_id())},
        ):
            await desk.house.publish_raw(user="tester", subject=SUBJECT, body=body, headers=headers)
        await desk.house.publish_raw(user="tester", subject=SUBJECT, body=b"\xff")
        await governance.signal(_permit(10))
        await governance.signal(_permit(11))
        await eventually(lambda: heard == [10, 11])


def _signed(signer: Runtime, body: bytes) -> dict[str, str]:
    return headers_of(signer.keys, _permit(1), subject=SUBJECT, identity=new_id(), data=body)


async def test_a_hint_goes_to_one_kernels_subject(desk: Desk) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Received[WorkHint], _: Runtime) -> None:
        heard.put_nowait(message.subject)

    htm = await desk.house.act_as("htm")
    async with desk.up(desk.house.blank("worker").listen(WorkHint, hear)):
        await htm.signal(WorkHint(kernel="postgres"), subject="htm.work.postgres")
        assert await asyncio.wait_for(heard.get(), 5) == "htm.work.postgres"
