"""Long operations tell how far they are: the word goes with the beat, and ends nothing."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from grace.testkit import eventually
from grace.worker.kernels.postgres.set_database_setting import SetDatabaseSetting
from grace.worker.loops.tools import Lease

Floor = Any
Opener = Any


async def test_what_an_operation_tells_is_shown_while_it_runs(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    plain: Callable[..., Any] = SetDatabaseSetting.apply

    async def slow(operation: Any, ctx: Any, *given: Any) -> Any:
        ctx.tell(40, "forty of a hundred")
        await go_on.wait()
        return await plain(operation, ctx, *given)

    monkeypatch.setattr(SetDatabaseSetting, "apply", slow)
    async with floor(beat_interval=timedelta(milliseconds=50)) as at:
        await at.permit()
        task_id = await at.submit(at.permitted(at.spec()))

        async def told() -> tuple[int, str] | None:
            attempts = (await at.task(task_id)).attempts
            shown = attempts[-1] if attempts else None
            return (shown.progress_percent, shown.progress_message) if (
                shown and shown.progress_at
            ) else None  # fmt: skip

        assert await eventually(told) == (40, "forty of a hundred")
        assert (await at.task(task_id)).status in {"assigned", "running"}
        go_on.set()
        assert (await at.ended(task_id)).status == "succeeded"


def test_progress_only_grows() -> None:
    lease = Lease(until=0)
    for percent in (-5, 30, 20, 250):
        lease.tell(percent, str(percent))
    assert lease.progress is not None
    assert (lease.progress.percent, lease.progress.message) == (100, "250")
    lease = Lease(until=0)
    lease.tell(30, "ahead")
    lease.tell(20, "behind")
    assert lease.progress is not None
    assert lease.progress.message == "ahead"
