"""postgres.set_table_autovacuum and postgres.table, on one table of a real target."""

from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from grace.worker.domain.failure import ChangedError, UnusableError
from grace.worker.kernels.operation import Context, NoParams, Role
from grace.worker.kernels.postgres.set_table_autovacuum import SetTableAutovacuum
from grace.worker.kernels.postgres.table import ReadTable, is_off, measured

Shop = Any
SET = SetTableAutovacuum()
NONE = NoParams()
OFF = "ALTER TABLE items SET (autovacuum_enabled = off)"


def at(shop: Shop, role: Role = Role.ACT, **more: Any) -> Context:
    return replace(shop.ctx(role, **more), target=replace(shop.target, table="public.items"))


@pytest.fixture
async def owner(shop: Shop) -> Any:
    found = await shop.connect()
    await found.execute("ALTER TABLE items OWNER TO shop_owner")
    await found.execute("ALTER TABLE items SET (fillfactor = 70)")
    return found


async def test_it_is_turned_on_and_put_back_to_the_very_text(shop: Shop, owner: Any) -> None:
    await owner.execute(OFF)
    before = await SET.observe(at(shop), NONE)
    oid = await owner.fetchval("SELECT CAST(CAST('items' AS regclass) AS oid)")
    assert before == {"autovacuum": "off", "oid": oid}
    assert (await SET.plan(at(shop), NONE)).changes[0].before == "off"
    assert (await ReadTable().observe(at(shop, Role.OBSERVE), NONE))["autovacuum"] == 0
    await SET.apply(at(shop, before=before), NONE)
    seen = await ReadTable().observe(at(shop, Role.OBSERVE), NONE)
    assert (seen["autovacuum"], seen["server_autovacuum"]) == (1, 1)
    after = await SET.observe(at(shop), NONE)
    await SET.revert(at(shop), NONE, before, after)
    await SET.revert(at(shop, resumed=True), NONE, before, after)
    kept = await owner.fetchval("SELECT reloptions FROM pg_class WHERE relname = 'items'")
    assert sorted(kept) == ["autovacuum_enabled=off", "fillfactor=70"]


async def test_a_plan_by_a_state_that_was_seen_does_not_look_again(shop: Shop, owner: Any) -> None:
    assert (await SET.plan(at(shop), NONE)).changes == ()
    seen = at(shop, before={"autovacuum": "off"})
    assert (await SET.plan(seen, NONE)).changes[0].before == "off"


@pytest.mark.parametrize(
    ("server", "table", "found"),
    [("on", None, 1), ("on", "true", 1), ("on", "off", 0), ("off", None, 0), ("off", "true", 0)],
)
def test_what_is_off_for_the_whole_server_is_on_for_no_table(
    server: str, table: str | None, found: int
) -> None:
    counts = {"live_rows": 3, "dead_rows": 0, "changes_since_analyze": 1}
    row = {"autovacuum": table, "server_autovacuum": server, "track_counts": "on", **counts}
    assert measured(row) == {
        "autovacuum": found,
        "server_autovacuum": int(server == "on"),
        **counts,
    }


async def test_where_nobody_counts_nothing_is_vacuumed_and_no_row_is_counted(
    shop: Shop, owner: Any
) -> None:
    await owner.execute(f"ALTER DATABASE {shop.target.database} SET track_counts = off")
    seen = await ReadTable().observe(at(shop, Role.OBSERVE), NONE)
    assert (seen["autovacuum"], seen["server_autovacuum"]) == (0, 0)
    assert [seen[name] for name in ("live_rows", "dead_rows")] == [None, None]


async def test_what_is_on_is_left_as_it_is(shop: Shop, owner: Any) -> None:
    before = await SET.observe(at(shop), NONE)
    assert before["autovacuum"] is None
    assert (await SET.plan(at(shop), NONE)).changes == ()
    assert (await SET.apply(at(shop, before=before), NONE))["autovacuum"] is None
    assert await SET.observe(at(shop), NONE) == before


async def test_what_somebody_else_changed_is_refused(shop: Shop, owner: Any) -> None:
    await owner.execute(OFF)
    before = await SET.observe(at(shop), NONE)
    await owner.execute("ALTER TABLE items SET (autovacuum_enabled = false)")
    with pytest.raises(ChangedError, match="expected off, found false"):
        await SET.apply(at(shop, before=before), NONE)
    with pytest.raises(ChangedError):
        await SET.revert(at(shop, resumed=True), NONE, before, {"autovacuum": "true"})


async def test_another_table_of_the_same_name_is_left_alone(shop: Shop, owner: Any) -> None:
    await owner.execute(OFF)
    before = await SET.observe(at(shop), NONE)
    await SET.apply(at(shop, before=before), NONE)
    after = await SET.observe(at(shop), NONE)
    await owner.execute("ALTER TABLE items RENAME TO items_old")
    with pytest.raises(ChangedError, match="another table now"):
        await SET.revert(at(shop), NONE, before, after)
    await owner.execute("CREATE TABLE items (id int) WITH (autovacuum_enabled = true)")
    await owner.execute("ALTER TABLE items OWNER TO shop_owner")
    for again in (False, True):
        with pytest.raises(ChangedError, match="another table now"):
            await SET.revert(at(shop, resumed=again), NONE, before, after)
    kept = await owner.fetchval("SELECT reloptions FROM pg_class WHERE relname = 'items'")
    assert kept == ["autovacuum_enabled=true"]
    # A state that was stored before tables had an identity in it says nothing of one.
    await SET.revert(at(shop), NONE, {"autovacuum": "off"}, {"autovacuum": "true"})


async def test_a_second_attempt_finds_its_own_change_done(shop: Shop, owner: Any) -> None:
    await owner.execute(OFF)
    before = await SET.observe(at(shop), NONE)
    await SET.apply(at(shop, before=before), NONE)
    with pytest.raises(ChangedError):
        await SET.apply(at(shop, before=before), NONE)
    assert (await SET.apply(at(shop, before=before, resumed=True), NONE))["autovacuum"] == "true"


async def test_the_function_alone_gives_the_right(shop: Shop, owner: Any) -> None:
    await owner.execute(OFF)
    before = {"autovacuum": "off"}
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await SET.apply(at(shop, Role.OBSERVE, before=before), NONE)
    elsewhere = replace(shop.target, table="pg_catalog.pg_class")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await SET.apply(replace(at(shop, before=before), target=elsewhere), NONE)


async def test_a_target_that_is_no_table_says_what_to_do(shop: Shop) -> None:
    with pytest.raises(UnusableError, match="register a table of it"):
        await SET.observe(shop.ctx(), NONE)
    gone = replace(shop.ctx(), target=replace(shop.target, table="public.gone"))
    with pytest.raises(UnusableError, match="no table public.gone"):
        await ReadTable().observe(gone, NONE)


@pytest.mark.parametrize("text", ["off", "OFF", "false", "f", "no", "n", "0"])
def test_every_spelling_of_off_is_off(text: str) -> None:
    assert is_off(text)
    assert not any(map(is_off, (None, "on", "true", "yes", "1")))
