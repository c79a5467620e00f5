"""What the database itself refuses, and what the beacon tells."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from nats.aio.msg import Msg

from grace.contracts.governance import Permit
from grace.governance.loops import Beacon, Expire
from grace.kit.flushing import flush
from grace.testkit import House, eventually

OpenOffice = Callable[..., Any]


async def listen(house: House) -> list[Permit]:
    """Hear the beacon as the worker does."""
    heard: list[Permit] = []

    async def hear(message: Msg) -> None:
        heard.append(Permit.from_bytes(message.data))

    client = await house.connect("worker")
    await client.subscribe(Permit.SUBJECT, cb=hear)
    await flush(client)
    return heard


async def test_a_decision_never_changes_again_even_by_hand(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await office.decide(await office.hand_in(2))
        role = await office.house.role("governance")
        await role.execute("SET search_path TO governance")
        with pytest.raises(asyncpg.RaiseError, match="does not change"):
            await role.execute("UPDATE approval_requests SET status = 'rejected'")
        for table in ("approval_votes", "approval_contracts", "approval_requests"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(f"DELETE FROM {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute("UPDATE approval_votes SET principal = 'eve'")
        await role.close()


async def test_the_beacon_says_that_workers_may_act(open_office: OpenOffice) -> None:
    async with open_office() as office:
        heard = await listen(office.house)
        await eventually(lambda: len(heard) >= 4, timeout=3)
        assert {(p.version, p.allowed, p.reverts_allowed) for p in heard} == {(1, True, True)}
        assert heard[-1].issued_at > heard[0].issued_at


async def test_the_beacon_follows_the_row(open_office: OpenOffice) -> None:
    async with open_office() as office:
        heard = await listen(office.house)
        await office.house.rows(
            "governance", "UPDATE permits SET allowed = false, version = version + 1"
        )
        await eventually(lambda: heard and heard[-1].version == 2, timeout=3)
        assert not heard[-1].allowed


async def test_where_nobody_knows_the_permit_nothing_is_sent(open_office: OpenOffice) -> None:
    async with open_office(permit_interval="PT1H") as office:
        heard = await listen(office.house)
        beacon = Beacon()
        await office.house.rows("governance", "DELETE FROM permits")
        await beacon.tick(office.governance)
        await office.house.rows("governance", "INSERT INTO permits (version) VALUES (7)")
        await beacon.tick(office.governance)
        await eventually(lambda: any(p.version == 7 for p in heard))
        assert {p.version for p in heard} <= {1, 7}


async def test_where_the_row_cannot_be_read_the_last_one_is_not_repeated(
    open_office: OpenOffice,
) -> None:
    async with open_office(permit_interval="PT1H") as office:
        beacon = Beacon()
        await beacon.tick(office.governance)
        heard = await listen(office.house)
        await office.house.rows("governance", "ALTER TABLE permits RENAME TO lost")
        with pytest.raises(asyncpg.UndefinedTableError):
            await beacon.tick(office.governance)
        assert heard == []


async def test_nothing_due_is_nothing_done(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await office.hand_in(2)
        assert await Expire().tick(office.governance) is False
        rows = await office.house.rows("governance", "SELECT status FROM approval_requests")
        assert [row["status"] for row in rows] == ["pending"]
