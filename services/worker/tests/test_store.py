"""The receipts in Postgres: what was before an effect is written once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from grace.kit import new_id
from grace.testkit import House
from grace.worker.domain.capability import Act, Step
from grace.worker.domain.failure import CorruptError
from grace.worker.domain.receipt import Claimant, Done, hash_of
from grace.worker.store import Breakers, Holder, Receipts

Worker = Any
ACT = Act("default", "contract-1", "action-1", Step.APPLY, "postgres.x", "shop", "{}")
FIRST, SECOND = Claimant("task-1", 1), Claimant("task-1", 2)
OTHER = Claimant("task-2", 1)


def holder(who: Claimant, seconds: float = 60) -> Holder:
    return Holder(who, "worker-1", timedelta(seconds=seconds))


@pytest.fixture
async def worker(house: House) -> Worker:
    return await house.act_as("worker")


async def open_receipt(worker: Worker, who: Claimant, before: str, seconds: float = 60) -> bool:
    async with worker.unit() as unit:
        return await Receipts(unit.tx, worker.keys.safe).open_receipt(
            ACT, hash_of(ACT), holder(who, seconds), identity=new_id(), before={"value": before}
        )


async def test_only_the_first_attempt_stores_what_was_before(worker: Worker) -> None:
    assert await open_receipt(worker, FIRST, "healthy")
    assert not await open_receipt(worker, SECOND, "damaged")
    async with worker.reading() as tx:
        seen = await Receipts(tx, worker.keys.safe).look(ACT)
        assert list(seen.receipts) == [Step.APPLY]
        assert seen.receipts[Step.APPLY].before == {"value": "healthy"}
        assert seen.receipts[Step.APPLY].done is None
        assert not seen.closed
        other = await Receipts(tx, worker.keys.safe).look(replace(ACT, action_id="action-2"))
        assert not other.receipts


async def test_an_open_receipt_goes_to_later_attempts_and_late_to_other_tasks(
    worker: Worker,
) -> None:
    assert await open_receipt(worker, SECOND, "healthy", seconds=60)

    async def taken(who: Claimant, seconds: float = 60) -> bool:
        async with worker.unit() as unit:
            return await Receipts(unit.tx, worker.keys.safe).take_over_receipt(
                ACT, holder(who, seconds)
            )

    assert not await taken(FIRST)
    assert not await taken(OTHER)
    assert await taken(Claimant("task-1", 3), seconds=-1)
    assert await taken(OTHER)
    assert not await taken(Claimant("task-1", 4))


async def test_only_the_holder_completes_a_receipt_and_only_once(worker: Worker) -> None:
    await open_receipt(worker, FIRST, "healthy")
    done = Done({"set": True}, {"value": "5ms"})

    async def completed(who: Claimant) -> bool:
        async with worker.unit() as unit:
            return await Receipts(unit.tx, worker.keys.safe).complete_receipt(ACT, who, done)

    assert not await completed(SECOND)
    assert not await completed(OTHER)
    assert await completed(FIRST)
    assert not await completed(FIRST)
    async with worker.unit() as unit:
        seen = await Receipts(unit.tx, worker.keys.safe).look(ACT)
        assert seen.receipts[Step.APPLY].done == done
        assert not await Receipts(unit.tx, worker.keys.safe).take_over_receipt(ACT, holder(SECOND))


async def test_states_are_encrypted_and_open_in_their_own_row_only(
    worker: Worker, house: House
) -> None:
    await open_receipt(worker, FIRST, "healthy")
    admin = await house.installation.admin(house.database)
    stored = await admin.fetchval("SELECT before_state FROM worker.effect_receipts")
    assert "healthy" not in stored
    elsewhere = (
        f"UPDATE worker.effect_receipts SET before_state = '{stored}', action_id = 'action-2'"
    )
    for statement, act in (
        (
            "UPDATE worker.effect_receipts SET before_state = overlay(before_state placing 'AAAA' from 60)",
            ACT,
        ),
        ("UPDATE worker.effect_receipts SET before_state = $${}$$", ACT),
        (elsewhere, replace(ACT, action_id="action-2")),
    ):
        await admin.execute(statement)
        async with worker.unit() as unit:
            receipts = Receipts(unit.tx, worker.keys.safe)
            with pytest.raises(CorruptError):
                await receipts.look(act)
    await admin.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE worker.effect_receipts SET before_state = '{}'",
        "UPDATE worker.effect_receipts SET act_hash = ''",
        "DELETE FROM worker.effect_receipts",
        "TRUNCATE worker.effect_receipts",
    ],
)
async def test_not_even_the_worker_can_change_what_was_before(
    worker: Worker, house: House, statement: str
) -> None:
    await open_receipt(worker, FIRST, "healthy")
    role = await house.role("worker")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await role.execute(statement)
    await role.close()


async def test_breakers_are_stored_and_replaced(worker: Worker) -> None:
    async with worker.unit() as unit:
        store = Breakers(unit.tx)
        for failures in (1, 2):
            snapshot = {"state": "closed", "failures": failures, "elapsed": 1.5, "generation": 0}
            await store.store_breaker("postgres", "shop", snapshot)  # type: ignore[arg-type]
        [stored] = await store.read_breakers()
        assert (stored.kernel, stored.target, stored.snapshot["failures"]) == (
            "postgres",
            "shop",
            2,
        )
        assert stored.idle >= 0
