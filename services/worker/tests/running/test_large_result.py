"""Results of looking that are too long for a report lie in the blob store."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from grace.kit.blobs import BlobRef, BlobSettings, open_blobs
from grace.testkit import eventually
from grace.worker.kernels.postgres.activity import Activity
from grace.worker.kernels.postgres.set_database_setting import SetDatabaseSetting

Floor = Any
Opener = Any
STATE = {"text": "\u20ac" * 90_000}  # fewer characters than a report takes bytes
LOOK = {"operation": "postgres.activity", "params": '{"seconds":1,"warmup_seconds":0}'}


async def large(*_: object) -> dict[str, str]:
    return STATE


async def test_a_result_that_is_too_long_is_read_by_its_reference(
    floor: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Activity, "observe", large)
    store = f"file://{tmp_path}/blobs"
    async with floor(blob_store=store, prune_interval=timedelta(milliseconds=50)) as at:
        task = await at.do(at.spec("observe", **LOOK))
        assert (task.status, task.result_json) == ("succeeded", None)
        ref = BlobRef(task.result_sha256, task.result_size_bytes)
        results = open_blobs(BlobSettings(blob_store=store))
        states = open_blobs(BlobSettings(blob_store=store), "states")
        kept = await states.put(b"the state of an action")
        assert json.loads(await results.get(ref)) == STATE
        files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
        for path in files:
            os.utime(path, (1, 1))

        async def is_forgotten() -> bool:
            return [path.name for path in files if path.exists()] == [kept.sha256]

        await eventually(is_forgotten)


async def test_without_a_store_the_attempt_fails_and_says_what_to_set(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Activity, "observe", large)
    async with floor(blob_store="") as at:
        task = await at.do(at.spec("observe", max_attempts=1, **LOOK))
        assert (task.status, task.result_sha256) == ("dead_letter", None)
        assert "BLOB_STORE" in task.error_message


async def test_what_an_effect_left_is_never_out_of_its_report(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification judges by these bytes, and must find them in the report itself."""
    monkeypatch.setattr(SetDatabaseSetting, "apply", large)
    async with floor() as at:
        await at.permit()
        task_id = await at.submit(at.permitted(at.spec()))

        async def failed() -> str | None:
            return (await at.task(task_id)).error_message

        assert "too many to be sent" in str(await eventually(failed))
        assert (await at.task(task_id)).result_sha256 is None
