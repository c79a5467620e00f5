"""A pull that rests: what has come is taken at once and together, what comes then waits in its stream."""

from collections.abc import Sequence
from datetime import timedelta

from grace.contracts.verification import ActionClosed
from grace.kit import Received, Runtime, Unit
from grace.kit.harvest import Harvest
from grace.kit.life import Running
from grace.testkit import eventually

from .conftest import CONSUMER, SUBJECT, Desk, note, publish

RARELY = timedelta(hours=1)


async def test_what_has_come_is_one_batch_and_what_comes_then_waits(
    desk: Desk, verification: Runtime
) -> None:
    batches: list[int] = []

    async def tell(messages: Sequence[Received[ActionClosed]], unit: Unit) -> None:
        batches.append(len(messages))
        await note(messages, unit)

    await publish(verification, "one", "two", "three")
    await eventually(lambda: _stored(desk, 3))  # the relay may send them in two goes
    async with desk.reading(tell, every=RARELY) as running:
        await desk.noted("one", "two", "three")
        assert batches == [3]
        pull = await _resting(running)
        admin = (await desk.house.connect("tester")).jetstream()
        await publish(verification, "later")
        await eventually(lambda: _waiting(admin, 1))
        assert running.problems() == []
        # Its rest is over, and was a long one: nobody was silent, since nobody was asked.
        pull._last_sign -= 600
        pull._unanswered_since -= 600
        pull._rests_until = 0.0
        problems: list[str] = []

        async def told() -> bool:
            problems.extend(running.problems())
            return len(await desk.notes()) == 4

        await eventually(told)
        assert problems == []
        await desk.noted("one", "two", "three", "later")
        await _resting(running)
    assert batches == [3, 1]


async def test_it_asks_again_where_nobody_answered(desk: Desk, verification: Runtime) -> None:
    """Silence is no answer: a rest of an hour behind it would be an hour without a word."""
    admin = (await desk.house.connect("tester")).jetstream()
    await admin.delete_consumer("EVENTS", CONSUMER)
    await publish(verification, "early")
    async with desk.reading(every=RARELY) as running:
        pull = running._intakes[0].pull
        assert isinstance(pull, Harvest)
        await eventually(lambda: pull._asked_at > 0)
        assert pull._rests_until is None
        await desk.house.installation.apply_streams()
        await desk.noted("early", timeout=15)


async def _resting(running: Running) -> Harvest:
    pull = running._intakes[0].pull
    assert isinstance(pull, Harvest)
    await eventually(lambda: pull._rests_until is not None)
    return pull


async def _stored(desk: Desk, wanted: int) -> bool:
    return len(await desk.house.messages(SUBJECT)) == wanted


async def _waiting(admin: object, wanted: int) -> bool:
    info = await admin.consumer_info("EVENTS", CONSUMER)  # type: ignore[attr-defined]
    # Nobody has asked for it, so that it is in nobody's hands.
    return (info.num_pending, info.num_ack_pending, info.num_waiting) == (wanted, 0, 0)
