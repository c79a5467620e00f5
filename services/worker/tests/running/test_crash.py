"""A worker that dies at any point, as by kill -9: the effect happens, and happens once."""

import json
import os
import signal
from asyncio import wait_for
from datetime import timedelta
from typing import Any

from forked import Forked, start

Opener = Any
Floor = Any
# tests/torture_verify has all of them.
MOMENTS = ("apply.intent_committed", "apply.after_effect", "apply.after_receipt")
OFTEN = {"rescue_interval": timedelta(milliseconds=50)}


def start_worker(at: Floor, opener: Opener, moment: str = "") -> Forked:
    """A worker of its own, which dies at this moment."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("GRACE_")}
    environment = own | at.house.installation.environment("worker", at.house.database)
    environment |= {
        "GRACE_WORKER_TARGETS_FILE": str(opener.targets),
        "GRACE_CRASH_AT": moment and f"worker.{moment}",
    }
    log = str(opener.folder / "worker.log")
    return start("grace.worker", environment=environment, log=log)


async def lapse(at: Floor) -> None:
    """Let the time be over for which a dead worker's task and its effect are left alone."""
    past = "= now() - interval '1 s'"
    await at.house.rows("worker", f"UPDATE effect_receipts SET held_until {past} RETURNING id")
    await at.house.rows(
        "htm", f"UPDATE htm_tasks SET lease_until {past} WHERE lease_until > now() RETURNING id"
    )


async def test_whatever_the_moment_of_death_the_effect_happens_once(floor: Opener) -> None:
    """One task, and a worker that dies after another; the last one ends it, and ends when told to."""
    async with floor(names=("identity", "htm"), htm=OFTEN) as at:
        await at.permit()
        task_id = await at.submit(at.permitted(at.spec(timeout_ms=1500, max_attempts=9)))
        for moment in MOMENTS:
            assert await wait_for(start_worker(at, floor, moment).wait(), 30) == -signal.SIGKILL
            await lapse(at)
        living = start_worker(at, floor)
        task = await at.ended(task_id, timeout=30)
        assert (task.status, task.attempt_number) == ("succeeded", len(MOMENTS) + 1)
        living.terminate()
        result = json.loads(task.result_json or "")
        # Not what an earlier attempt left behind, but what was there before any.
        assert result["before"] == {"name": "statement_timeout", "value": None}
        assert result["after"] == {"name": "statement_timeout", "value": "5ms"}
        [receipt] = await at.receipts()
        assert str(receipt["id"]) == result["receipt"]
        assert receipt["completed_at"] is not None
        assert await wait_for(living.wait(), 20) == 0


async def test_what_was_written_while_the_worker_was_dead_is_not_undone(floor: Opener) -> None:
    rotates = {
        "operation": "filesystem.rotate_log",
        "kernel": "filesystem",
        "target": "files",
        "params": '{"path": "app.log"}',
    }
    async with floor(names=("identity", "htm"), htm=OFTEN) as at:
        await at.permit()
        log = floor.root / "app.log"
        log.write_text("one\n")
        first = start_worker(at, floor, "revert.intent_committed")
        wanted = at.permitted(at.spec(**rotates))
        await at.result(wanted)
        back = at.spec(
            "revert", action_id=wanted.action_id, timeout_ms=1500, max_attempts=9, **rotates
        )
        task_id = await at.submit(at.permitted(back))
        assert await wait_for(first.wait(), 30) == -signal.SIGKILL
        log.write_text("what the program wrote meanwhile\n")
        await lapse(at)
        living = start_worker(at, floor)
        task = await at.ended(task_id, timeout=30)
        assert (task.status, task.error_class) == ("failed", "nonretryable")
        assert log.read_text() == "what the program wrote meanwhile\n"
        living.terminate()
        assert await wait_for(living.wait(), 20) == 0
