"""An action on a long state: kept by reference before it acts, restored from it, or for people."""

from pathlib import Path
from typing import Any

import pytest

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


async def test_without_a_store_a_long_state_is_not_touched(floor: Opener, lengthy: None) -> None:
    async with floor(blob_store="") as at:
        await at.permit()
        task = await at.do(at.permitted(at.spec(max_attempts=1)))
        assert (task.status, task.attempt_number) == ("dead_letter", 1)
        assert "BLOB_STORE" in (task.error_message or "")
        assert (await at.receipts(), await at.setting()) == ([], None)
