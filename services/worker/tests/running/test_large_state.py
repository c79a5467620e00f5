"""An action on a long state: kept by reference before it acts, restored from it, or for people."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from grace.testkit import eventually
from grace.worker.kernels.postgres.set_database_setting import SetDatabaseSetting

Floor = Any
Opener = Any
FILL = "x" * 300_000


@pytest.fixture
def lengthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting's state, with much beside it."""
    looked = SetDatabaseSetting.observe

    async def observe(self: Any, ctx: Any, params: Any) -> Any:
        return {**await looked(self, ctx, params), "fill": FILL}

    monkeypatch.setattr(SetDatabaseSetting, "observe", observe)


async def test_a_long_state_is_kept_by_reference_and_restored(
    floor: Opener, lengthy: None, tmp_path: Path
) -> None:
    async with floor(blob_store=f"file://{tmp_path}/blobs") as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        applied = await at.result(wanted)
        assert set(applied["before"]) == set(applied["after"]) == {"$large"}
        assert applied["before"]["$large"]["bytes"] > len(FILL)
        assert await at.setting() == "5ms"
        back = at.permitted(at.spec("revert", action_id=wanted.action_id))
        blobs = [path for path in (tmp_path / "blobs" / "states").rglob("*") if path.is_file()]
        whole = {path: path.read_bytes() for path in blobs}
        for path in blobs:
            path.write_bytes(b"damaged")
        refused = await at.do(back)
        assert (refused.status, refused.error_class) == ("failed", "nonretryable")
        assert (refused.error_message or "").startswith("the stored state is not what was stored")
        for path in blobs:
            path.unlink()
        refused = await at.do(back.model_copy(update={"key": "gone"}))
        assert (refused.error_message or "").startswith("the stored state is gone")
        assert await at.setting() == "5ms"
        for path, data in whole.items():
            path.write_bytes(data)
        reverted = await at.result(back.model_copy(update={"key": "again"}))
        assert reverted["after"]["$large"]["sha256"] == applied["before"]["$large"]["sha256"]
        assert await at.setting() is None


LEFT = "f" * 64


async def test_a_state_that_a_dead_worker_left_is_removed_and_those_of_receipts_stay(
    floor: Opener, lengthy: None, tmp_path: Path
) -> None:
    store = {"blob_store": f"file://{tmp_path}/blobs"}
    folder = tmp_path / "blobs" / "states"
    async with floor(**store) as at:
        await at.permit()
        await at.result(at.permitted(at.spec()))
        kept = {path for path in folder.rglob("*") if path.is_file()}
        assert len(kept) == 2
        # What a worker leaves that is killed before its receipt; another one is too young to tell.
        for name, age in ((LEFT, "8 d"), ("e" * 64, "1 h")):
            (folder / name[:2]).mkdir(exist_ok=True)
            (folder / name[:2] / name).write_bytes(b"left")
            await at.house.rows(
                "worker",
                "INSERT INTO put_states (blob_sha256, action_id, step, put_at)"
                f" VALUES ('{name}', 'action-of-nobody', 'apply', now() - interval '{age}')",
            )
        await at.house.rows(
            "worker",
            "UPDATE put_states SET put_at = now() - interval '8 d' WHERE blob_sha256 <> $1",
            "e" * 64,
        )
    async with floor(**store, prune_interval=timedelta(milliseconds=100)) as at:

        async def is_settled() -> bool:
            rows = await at.house.rows("worker", "SELECT blob_sha256 FROM put_states")
            return [row["blob_sha256"] for row in rows] == ["e" * 64]

        await eventually(is_settled)
    found = {path for path in folder.rglob("*") if path.is_file()}
    assert found == kept | {folder / "ee" / ("e" * 64)}


async def test_without_a_store_a_long_state_is_not_touched(floor: Opener, lengthy: None) -> None:
    async with floor(blob_store="") as at:
        await at.permit()
        task = await at.do(at.permitted(at.spec(max_attempts=1)))
        assert (task.status, task.attempt_number) == ("dead_letter", 1)
        assert "BLOB_STORE" in (task.error_message or "")
        assert (await at.receipts(), await at.setting()) == ([], None)
