"""Effects happen once, and come back."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.testkit import eventually
from grace.worker.kernels.filesystem.quarantine import FOLDER
from grace.worker.kernels.filesystem.rotate_log import SLOT

Floor = Any
Opener = Any
VALUE = '{"name": "statement_timeout", "value": "5ms"}'


async def test_an_apply_and_its_revert_go_round(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        applied = await at.result(wanted)
        assert applied["before"] == {"name": "statement_timeout", "value": None}
        assert applied["after"] == {"name": "statement_timeout", "value": "5ms"}
        assert await at.setting() == "5ms"
        back = at.spec(
            "revert",
            action_id=wanted.action_id,
            before=json.dumps(applied["before"]),
            after=json.dumps(applied["after"]),
        )
        reverted = await at.result(at.permitted(back))
        assert reverted["restored_from"] == applied["after"]
        assert reverted["after"] == applied["before"]
        assert await at.setting() is None
        receipts = await at.receipts()
        assert [(r["step"], r["completed_at"] is not None) for r in receipts] == [
            ("apply", True),
            ("revert", True),
        ]
        assert applied["receipt"] == str(receipts[0]["id"])


async def test_a_blocker_is_ended_end_to_end(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        blocker, victim = await at.shop.connect("careless"), await at.shop.connect("shop_app")
        await blocker.execute("BEGIN; UPDATE items SET n = n + 1")
        waiting = asyncio.create_task(victim.execute("UPDATE items SET n = n + 1"))
        ends = {"operation": "postgres.terminate_blockers", "params": '{"min_idle_seconds": 0}'}

        async def blocked() -> bool:
            seen = await at.result(at.spec("observe", **ends))
            return bool(seen["waiting"])

        await eventually(blocked)
        done = await at.result(at.permitted(at.spec(**ends)))
        assert done["result"]["terminated"] == [blocker.get_server_pid()]
        assert done["after"] == {"blockers": [], "waiting": 0}
        assert await asyncio.wait_for(waiting, 5) == "UPDATE 10"


async def test_a_log_is_rotated_and_brought_back_end_to_end(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        log = floor.root / "app.log"
        log.write_text("one\n")
        rotates = {
            "operation": "filesystem.rotate_log",
            "kernel": "filesystem",
            "target": "files",
            "params": '{"path": "app.log"}',
        }
        wanted = at.permitted(at.spec(**rotates))
        rotated = await at.result(wanted)
        assert rotated["after"]["bytes"] == 0
        assert log.read_text() == ""
        await at.result(at.permitted(at.spec("revert", action_id=wanted.action_id, **rotates)))
        assert log.read_text() == "one\n"


async def test_an_effect_that_could_not_be_looked_at_is_for_a_person(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        log = floor.root / "app.log"
        log.write_text("one\n")
        wanted = at.spec(
            operation="filesystem.rotate_log",
            kernel="filesystem",
            target="files",
            params='{"path": "app.log"}',
        )
        # The log's successor has two names, which is seen only when it is in its place.
        store = floor.root / FOLDER / str(wanted.action_id)
        for folder in (store.parent, store):
            folder.mkdir(mode=0o700)
        (store / SLOT).touch()
        os.link(store / SLOT, floor.root / "other.log")
        ended = await at.do(at.permitted(wanted))
        assert (ended.status, ended.error_class) == ("needs_attention", "undecided")
        assert (ended.error_message or "").startswith("begun: blocked: ")
        assert log.read_text() == ""
        assert (await at.receipts())[0]["completed_at"] is None


async def test_an_effect_happens_once_however_often_its_task_comes(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        first = await at.result(wanted)
        owner = await at.shop.connect("shop_owner")
        await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '9s'")
        again = await at.result(wanted.model_copy(update={"key": "another-key"}))
        assert again == first
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = at.capability(wanted, not_after=past)
        late = wanted.model_copy(update={"key": "a-third-key", "capability": expired})
        assert await at.result(late) == first
        other = wanted.model_copy(update={"params": VALUE.replace("5ms", "6ms"), "key": "a-fourth"})
        refused = await at.do(at.permitted(other))
        assert refused.error_message == "blocked: the action id was used for another act"
        assert await at.setting() == "9s"
        assert len(await at.receipts()) == 1


async def test_tasks_of_one_act_at_the_same_time_act_once(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        copies = [wanted.model_copy(update={"key": f"copy-{n}"}) for n in range(5)]
        ids = [await at.submit(each) for each in copies]
        tasks = [await at.ended(each) for each in ids]
        results = {t.result_json for t in tasks if t.status == "succeeded"}
        assert len(results) == 1
        assert len(await at.receipts()) == 1


async def test_a_third_partys_change_stops_the_revert(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        await at.result(wanted)
        owner = await at.shop.connect("shop_owner")
        await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '9s'")
        back = await at.do(at.permitted(at.spec("revert", action_id=wanted.action_id)))
        assert (back.status, back.error_class) == ("failed", "nonretryable")
        assert "changed by somebody else" in (back.error_message or "")
        assert await at.setting() == "9s"
        assert (await at.receipts())[1]["refused_at"] is not None
        await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '5ms'")
        again = at.spec("revert", action_id=wanted.action_id)
        await at.result(at.permitted(again))
        assert await at.setting() is None


async def test_the_log_of_a_database_is_moved_into_it_end_to_end(floor: Opener) -> None:
    file = floor.root / "orders.db"
    floor.shop.toml += f'[targets.orders]\nkind = "sqlite"\nenvironment = "demo"\nfile = "{file}"\n'
    moves = {
        "operation": "sqlite.checkpoint",
        "kernel": "sqlite",
        "target": "orders",
        "params": "{}",
    }
    async with floor() as at:
        await at.permit()
        with closing(sqlite3.connect(file, isolation_level=None)) as owner:
            owner.execute("PRAGMA journal_mode = WAL").fetchall()
            owner.execute("CREATE TABLE orders AS SELECT 7 AS number")
            done = await at.result(at.permitted(at.spec(**moves)))
            assert int(done["before"]["wal_bytes"]) > done["after"]["wal_bytes"] == 0
            seen = await at.result(at.spec("observe", **{**moves, "operation": "sqlite.look"}))
            assert (seen["wal_frames"], len(seen["holders"])) == (0, 1)
            assert owner.execute("SELECT number FROM orders").fetchall() == [(7,)]
