"""A task is ended for certain."""

import asyncio

from grace.kit import end_tasks


async def _deaf(times: int) -> None:
    """Work on through so many cancellations, as `asyncio.wait_for` can make a task do."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            times -= 1
            if times < 0:
                raise


async def test_a_task_that_missed_its_cancellation_is_cancelled_again() -> None:
    deaf, good = asyncio.create_task(_deaf(2)), asyncio.create_task(_deaf(0))
    await asyncio.sleep(0)
    await end_tasks([deaf, good], again=0.01)
    assert deaf.cancelled()
    assert good.cancelled()


async def test_what_a_task_ended_with_is_dropped() -> None:
    async def fails() -> None:
        raise ValueError("nobody asks")

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    await end_tasks([task])
    assert task.done()


async def test_no_task_is_ended_at_once() -> None:
    await end_tasks([])
