import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from grace.resilience import ErrorClass, OperationTimeout, deadline

NOW, LATER = timedelta(0), timedelta(hours=1)


async def test_what_ends_in_time_passes() -> None:
    async with deadline(LATER, "k/t"):
        pass


async def test_what_does_not_end_in_time_is_cancelled_with_a_typed_error() -> None:
    with pytest.raises(OperationTimeout, match="k/t: not finished after 0 s") as raised:
        async with deadline(NOW, "k/t"):
            await asyncio.Event().wait()
    assert raised.value.error_class is ErrorClass.TIMEOUT


async def test_a_result_that_came_late_is_no_success() -> None:
    with pytest.raises(OperationTimeout):
        async with deadline(NOW, "k/t"):
            pass  # never yields to the loop, so the loop cannot cancel it


async def test_a_swallowed_cancellation_is_no_success() -> None:
    async def clings() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    with pytest.raises(OperationTimeout):
        async with deadline(NOW, "k/t"):
            await clings()


async def test_a_timeout_of_the_operation_itself_stays_its_own() -> None:
    with pytest.raises(TimeoutError, match="own"):
        async with deadline(LATER, "k/t"):
            raise TimeoutError("own")


async def test_a_caller_who_leaves_is_not_told_of_a_timeout() -> None:
    async def waits() -> None:
        async with deadline(LATER, "k/t"):
            await asyncio.Event().wait()

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
