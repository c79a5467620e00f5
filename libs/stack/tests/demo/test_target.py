"""The target and who may do what there."""

import stat
import tomllib
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from grace.stack.demo.roles import Role
from grace.stack.demo.target import ID, MAINTENANCE, SCALE, SETTING, Target
from grace.stack.postgres import SUPERUSER

HEALTHY = " 15s "
LONG = "17s"  # what a session is asked under it has the time to answer
DENIED = asyncpg.InsufficientPrivilegeError
SET = "SELECT grace.set_database_setting($1, $2, $3)"


async def ask(target: Target, role: Role, question: str, *values: Any) -> Any:
    async with target.connected(role) as connection:
        return await connection.fetchval(question, *values)


@pytest.mark.parametrize("role", list(Role))
async def test_nobody_who_comes_to_the_target_is_a_superuser(target: Target, role: Role) -> None:
    async with target.connected(role, MAINTENANCE) as connection:
        rights = await connection.fetchrow(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        )
    assert not any(rights.values())


@pytest.mark.parametrize("role", [Role.ACT, Role.OBSERVE])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM pgbench_accounts",
        "UPDATE pgbench_branches SET bbalance = 0",
        f"ALTER DATABASE shop SET {SETTING} = '1ms'",
        "CREATE TABLE public.mine (id int)",
        "CREATE FUNCTION grace.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE target_owner",
    ],
)
async def test_grace_neither_reads_nor_owns_anything_there(
    target: Target, role: Role, statement: str
) -> None:
    async with target.connected(role) as connection:
        with pytest.raises((DENIED, asyncpg.UndefinedTableError)):
            await connection.execute(statement)


async def test_grace_sets_one_of_three_settings_by_the_owners_function(target: Target) -> None:
    assert await ask(target, Role.ACT, SET, SETTING, HEALTHY, LONG) == HEALTHY
    assert await target.read_setting(SETTING) == LONG
    assert await ask(target, Role.OWNER, "SHOW statement_timeout") == LONG
    async with target.connected(Role.OWNER) as owner:
        await owner.fetchval(SET, SETTING, LONG, HEALTHY)
    assert await target.read_setting(SETTING) == HEALTHY


async def test_a_setting_that_somebody_else_changed_stays(target: Target) -> None:
    with pytest.raises(asyncpg.SerializationError, match="expected 1s, found  15s "):
        await ask(target, Role.ACT, SET, SETTING, "1s", "5ms")
    assert await target.read_setting(SETTING) == HEALTHY


async def test_no_other_setting_can_be_changed(target: Target) -> None:
    with pytest.raises(DENIED, match="not allowed here"):
        await ask(target, Role.ACT, SET, "search_path", None, "evil")


@pytest.mark.parametrize("role", [Role.OBSERVE, Role.SHOP, Role.CARELESS])
async def test_only_the_acting_role_may_use_that_function(target: Target, role: Role) -> None:
    with pytest.raises(DENIED):
        await ask(target, role, SET, SETTING, HEALTHY, "5ms")


@pytest.mark.parametrize("role", [Role.OBSERVE, Role.WATCH, Role.SHOP])
async def test_only_the_acting_role_may_end_sessions(target: Target, role: Role) -> None:
    async with (
        target.connected(Role.CARELESS) as victim,
        target.connected(role, MAINTENANCE) as connection,
    ):
        pid = await victim.fetchval("SELECT pg_backend_pid()")
        with pytest.raises(DENIED):
            await connection.execute(f"SELECT pg_terminate_backend({pid})")
        assert await victim.fetchval("SELECT 1") == 1


async def test_whoever_measures_sees_what_others_do(target: Target) -> None:
    async with target.connected(Role.CARELESS) as other:
        pid = await other.fetchval("SELECT pg_backend_pid()")
        state = "SELECT state FROM pg_stat_activity WHERE pid = $1"
        assert await ask(target, Role.OBSERVE, state, pid) == "idle"


@pytest.mark.parametrize("role", list(Role))
def test_passwords_are_for_nobody_else(made_target: Target, role: Role) -> None:
    assert stat.S_IMODE(made_target.password_file(role).stat().st_mode) == 0o600
    others = {made_target.password(each) for each in Role if each is not role}
    assert made_target.password(role) not in others


async def test_preparing_again_keeps_the_shop_and_heals_its_setting(target: Target) -> None:
    async with target.connected(Role.OWNER) as owner:
        await owner.execute(f"ALTER DATABASE shop SET {SETTING} = '5ms'")
        before = await owner.fetchval("SELECT pg_relation_filenode('pgbench_accounts')")
        await target.prepare()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await owner.fetchval("SELECT 1")  # a session of an earlier demonstration has ended
    assert await target.read_setting(SETTING) == HEALTHY
    filenode = "SELECT pg_relation_filenode('pgbench_accounts')"
    assert await ask(target, Role.OWNER, filenode) == before


async def test_the_limit_that_the_healing_takes_back_does_not_end_the_healing(
    target: Target,
) -> None:
    async with target.connected(Role.OWNER) as owner:
        await owner.execute(f"ALTER DATABASE shop SET {SETTING} = '5ms'")
    async with target.connected(SUPERUSER) as admin:
        assert await admin.fetchval(f"SHOW {SETTING}") == "0"


async def test_a_database_that_was_left_half_made_is_made_anew(target: Target) -> None:
    async with target.connected(Role.OWNER) as owner:
        await owner.execute("COMMENT ON DATABASE shop IS NULL")
        await owner.execute("DROP TABLE pgbench_tellers")
    await target.prepare()
    assert await ask(target, Role.SHOP, "SELECT count(*) FROM pgbench_tellers") == 10 * SCALE


def test_the_registry_gets_other_credentials_for_acting_than_for_measuring(
    made_target: Target, tmp_path: Path
) -> None:
    file = tmp_path / "targets.toml"
    made_target.register(file)
    entry = tomllib.loads(file.read_text(encoding="utf-8"))["targets"][ID]
    act, observe = entry.pop("act"), entry.pop("observe")
    assert entry == {
        "kind": "postgres",
        "environment": "demo",
        "host": "127.0.0.1",
        "port": made_target.server.port,
        "database": "shop",
    }
    assert act["user"] == "grace_ops"
    assert observe["user"] == "grace_observe"
    assert act["password_file"] != observe["password_file"]
    assert Path(act["password_file"]).is_absolute()
