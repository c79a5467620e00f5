"""Loads and faults on a real target, as the target counts them."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from grace.stack.demo import faults, loads
from grace.stack.demo.roles import Role
from grace.stack.demo.target import MAINTENANCE, SETTING, Target
from grace.stack.demo.throughput import Second, Throughput
from grace.stack.demo.waiting import beside, until
from grace.stack.errors import StackError


@pytest.fixture
async def read(target: Target) -> AsyncIterator[Throughput]:
    throughput = Throughput()
    async with beside(throughput.follow(target)):
        yield throughput


async def a_second(read: Throughput, holds: Callable[[Second], bool], *, what: str) -> None:
    """Wait until a full second is so."""
    begun = time.monotonic()

    async def it_holds() -> bool:
        return any(holds(each) for each in read.between(begun, time.monotonic()))

    await until(it_holds, within=20, what=what)


async def test_a_forgotten_transaction_stops_everybody_until_it_is_ended(
    target: Target, read: Throughput
) -> None:
    async with loads.pgbench(target) as load:
        await a_second(read, lambda s: s.throughput > 100, what="there is load")
        async with faults.forgotten_transaction(target) as fault:
            await a_second(read, lambda s: s.throughput < 15, what="nothing goes on")
            assert fault.ended is None
            async with target.connected(Role.ACT, MAINTENANCE) as grace:
                await grace.execute(
                    "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                    " WHERE usename = 'careless'"
                )
            await a_second(read, lambda s: s.throughput > 100, what="all goes on")
            assert fault.ended is not None
        load.check()


async def test_purchases_fail_while_the_timeout_is_too_short(
    target: Target, read: Throughput
) -> None:
    async with loads.purchases(target), target.connected(Role.OWNER) as owner:
        await a_second(read, lambda s: s.throughput > 5 and not s.rollbacks, what="the shop sells")
        async with faults.runaway_report(target) as report:
            await owner.execute(f"ALTER DATABASE shop SET {SETTING} = '5ms'")
            await a_second(read, lambda s: s.rollbacks > 5 and s.commits == 0, what="nothing sells")
            assert read.seconds[-1].setting == "5ms"

            async def gave_up() -> bool:
                return report.failure is not None

            await until(gave_up, within=10, what="the report fails")
            assert str(report.failure).startswith("57014")
        await owner.execute(f"ALTER DATABASE shop SET {SETTING} = ' 15s '")
        await a_second(read, lambda s: s.throughput > 5 and not s.rollbacks, what="it sells again")
        assert read.seconds[-1].setting == " 15s "


async def test_loads_leave_nobody_connected(target: Target) -> None:
    async with loads.pgbench(target), loads.purchases(target):
        await until(lambda: connected(target), within=10, what="sessions are there")
    await until(lambda: alone(target), within=10, what="all sessions are gone")


async def test_a_load_that_ends_by_itself_says_why(target: Target) -> None:
    async with loads.pgbench(target) as load:
        await until(lambda: connected(target), within=10, what="sessions are there")
        async with target.connected(Role.ACT, MAINTENANCE) as grace:
            await grace.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop_app'"
            )

        async def ended() -> bool:
            try:
                load.check()
            except StackError as error:
                return "aborted" in str(error)
            return False

        await until(ended, within=10, what="the load tells of its end")


async def test_the_password_stands_in_no_argument(target: Target) -> None:
    async with loads.pgbench(target) as load:
        arguments = Path(f"/proc/{load.pid}/cmdline").read_bytes()
    assert b"pgbench" in arguments
    assert target.password(Role.SHOP).encode() not in arguments


async def sessions(target: Target) -> int:
    async with target.connected(Role.WATCH, MAINTENANCE) as connection:
        found: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_app'"
        )
        return found


async def connected(target: Target) -> bool:
    return await sessions(target) >= 4


async def alone(target: Target) -> bool:
    return await sessions(target) == 0
