"""postgres.set_database_setting, and the connection that every operation uses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from grace.testkit import eventually
from grace.worker.domain.failure import (
    ChangedError,
    UnreachedError,
    UnusableError,
    classify,
    may_have_acted,
)
from grace.worker.domain.targets import PostgresTarget
from grace.worker.kernels.operation import Role
from grace.worker.kernels.postgres.connection import connected
from grace.worker.kernels.postgres.set_database_setting import (
    SetDatabaseSetting,
    SetDatabaseSettingParams,
)
from grace.worker.kernels.postgres.terminate_blockers import (
    TerminateBlockers,
    TerminateBlockersParams,
)

Shop = Any
END = TerminateBlockers()
SET = SetDatabaseSetting()
AT_ONCE = TerminateBlockersParams(min_idle_seconds=0)
FIVE = SetDatabaseSettingParams(name="statement_timeout", value="5ms")
# Long enough for what a test asks under it.
LONG = SetDatabaseSettingParams(name="statement_timeout", value="11s")


async def stored_setting(shop: Shop) -> list[Any]:
    admin = await shop.connect()
    return await admin.fetch(  # type: ignore[no-any-return]
        "SELECT s.setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " WHERE d.datname = current_database()"
    )


@pytest.mark.parametrize("value", [None, "9000", "0.5min", " 7s ", "'quoted'"])
async def test_a_setting_is_restored_to_the_very_text_that_was_there(
    shop: Shop, value: str | None
) -> None:
    owner = await shop.connect("shop_owner")
    if value is not None and not value.startswith("'"):
        await owner.execute(f"ALTER DATABASE {shop.database} SET statement_timeout = '{value}'")
    await owner.execute(f"ALTER DATABASE {shop.database} SET lock_timeout = '3s'")
    untouched = await stored_setting(shop)
    before = await SET.observe(shop.ctx(), LONG)
    assert (await SET.plan(shop.ctx(), LONG)).changes[0].before == before["value"]
    await SET.apply(shop.ctx(before=before), LONG)
    after = await SET.observe(shop.ctx(), LONG)
    assert after == {"name": "statement_timeout", "value": "11s"}
    assert await (await shop.connect("shop_app")).fetchval("SHOW statement_timeout") == "11s"
    await SET.revert(shop.ctx(), LONG, before, after)
    assert await SET.observe(shop.ctx(), LONG) == before
    assert sorted(map(repr, await stored_setting(shop))) == sorted(map(repr, untouched))


async def test_the_repair_does_not_hit_the_repairer(shop: Shop) -> None:
    owner = await shop.connect("shop_owner")
    await owner.execute(f"ALTER DATABASE {shop.database} SET statement_timeout = '5ms'")
    for role in Role:
        async with connected(shop.ctx(role)) as connection:
            assert await connection.fetchval("SHOW statement_timeout") == "5s"
            await connection.fetchval("SELECT pg_sleep(0.05)")
            assert await connection.fetchval("SHOW application_name") == "grace-worker"


async def test_what_somebody_else_changed_is_refused(shop: Shop) -> None:
    before = await SET.observe(shop.ctx(), FIVE)
    owner = await shop.connect("shop_owner")
    await owner.execute(f"ALTER DATABASE {shop.database} SET statement_timeout = '7s'")
    with pytest.raises(ChangedError, match="expected <none>, found 7s"):
        await SET.apply(shop.ctx(before=before), FIVE)
    with pytest.raises(ChangedError):
        await SET.apply(shop.ctx(before=before, resumed=True), FIVE)
    with pytest.raises(ChangedError):
        await SET.revert(shop.ctx(), FIVE, before, {"name": "statement_timeout", "value": "5ms"})
    assert (await SET.observe(shop.ctx(), FIVE))["value"] == "7s"


async def test_a_second_attempt_finds_its_own_change_done(shop: Shop) -> None:
    before = await SET.observe(shop.ctx(), FIVE)
    await SET.apply(shop.ctx(before=before), FIVE)
    with pytest.raises(ChangedError):
        await SET.apply(shop.ctx(before=before), FIVE)
    again = await SET.apply(shop.ctx(before=before, resumed=True), FIVE)
    assert again["value"] == "5ms"
    after = await SET.observe(shop.ctx(), FIVE)
    await SET.revert(shop.ctx(), FIVE, before, after)
    await SET.revert(shop.ctx(resumed=True), FIVE, before, after)
    assert await SET.observe(shop.ctx(), FIVE) == before


async def test_the_function_alone_gives_the_right_to_change_a_setting(shop: Shop) -> None:
    ops = await shop.connect("grace_ops")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ops.execute(f"ALTER DATABASE {shop.database} SET statement_timeout = '1s'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ops.execute("SELECT grace.set_database_setting('work_mem', NULL, '1GB')")
    before = await SET.observe(shop.ctx(), FIVE)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await SET.apply(shop.ctx(Role.OBSERVE, before=before), FIVE)


async def test_a_target_without_the_function_says_so(shop: Shop) -> None:
    owner = await shop.connect("shop_owner")
    await owner.execute("DROP SCHEMA grace CASCADE")
    before = await SET.observe(shop.ctx(), FIVE)
    with pytest.raises(UnusableError, match="not installed"):
        await SET.apply(shop.ctx(before=before), FIVE)


async def test_the_observer_cannot_write(shop: Shop) -> None:
    async with connected(shop.ctx(Role.OBSERVE)) as connection:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("CREATE TEMP TABLE t (a int); INSERT INTO items VALUES (1, 1)")


async def test_a_password_file_that_others_may_read_is_not_used(shop: Shop) -> None:
    Path(shop.target.act.password_file).chmod(0o644)
    with pytest.raises(UnusableError):
        await SET.observe(shop.ctx(), FIVE)
    Path(shop.target.act.password_file).chmod(0o640)
    await SET.observe(shop.ctx(), FIVE)


async def test_a_target_that_is_away_may_come_back(shop: Shop) -> None:
    away: PostgresTarget = replace(shop.target, port=1)
    with pytest.raises(UnreachedError, match="ConnectionRefusedError") as caught:
        await SET.apply(replace(shop.ctx(before={"value": None}), target=away), FIVE)
    assert classify(caught.value) == "transient"
    assert not may_have_acted(caught.value)


async def test_every_step_closes_its_connection(shop: Shop) -> None:
    await SET.observe(shop.ctx(), FIVE)
    await SET.apply(shop.ctx(before={"value": None}), FIVE)
    admin = await shop.connect()
    own = "SELECT count(*) FROM pg_stat_activity WHERE usename IN ('grace_ops', 'grace_eyes') AND datname = $1"

    async def none_left() -> bool:
        return bool(await admin.fetchval(own, shop.database) == 0)

    await eventually(none_left)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "statement_timeout", "value": "5ms; DROP TABLE items"}',
        '{"name": "statement_timeout", "value": "-1"}',
        '{"name": "statement_timeout", "value": ""}',
        '{"name": "statement_timeout", "value": null}',
        '{"name": "statement_timeout", "value": 5}',
        '{"name": "work_mem", "value": "5"}',
        '{"name": "statement_timeout", "value": "5ms", "more": 1}',
        '{"name": "statement_timeout"}',
        "[]",
        "",
    ],
)
def test_parameters_are_closed(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own
        SetDatabaseSettingParams.model_validate_json(text)


@pytest.mark.parametrize("value", ["1us", "999us"])
def test_what_would_be_rounded_to_no_limit_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="taken for none"):
        SetDatabaseSettingParams(name="statement_timeout", value=value)
    SetDatabaseSettingParams(name="statement_timeout", value="1000us")
