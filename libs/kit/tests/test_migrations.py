from pathlib import Path

import pytest

from grace.kit.database import Pools
from grace.kit.logs import logger
from grace.kit.migrations import (
    SchemaMismatch,
    folder,
    head,
    kit_tables,
    refuse_other_schema,
    statements,
)
from grace.testkit import House


def test_statements_end_where_a_line_ends_with_a_semicolon() -> None:
    sql = "-- A table;\nCREATE TABLE a (x text\n  -- a note;\n);\n\nSELECT ';' || 'a;b' FROM a;\nSELECT 1"
    assert statements(sql) == [
        "CREATE TABLE a (x text\n);",
        "SELECT ';' || 'a;b' FROM a;",
        "SELECT 1",
    ]


def test_the_body_of_a_function_is_not_split() -> None:
    body = (
        "CREATE FUNCTION f() RETURNS trigger AS $$\nBEGIN\n    -- why;\n    RETURN NULL;\nEND $$;"
    )
    assert statements(f"{body}\nSELECT 1;") == [body, "SELECT 1;"]


def test_the_kits_tables_are_made_one_statement_at_a_time() -> None:
    assert all(each.count(";") == 1 and each.endswith(";") for each in kit_tables())
    assert all(each.count(";") == 1 and each.endswith(";") for each in kit_tables(2))
    made = " ".join(kit_tables())
    assert all(f"CREATE TABLE {name} " in made for name in ("outbox", "inbox", "quarantine"))


def _revision(folder: Path, name: str, replaces: str | None) -> None:
    down = f'"{replaces}"' if replaces else None
    text = f'revision = "{name}"\ndown_revision: str | None = {down}\n'
    (folder / f"{name}_what.py").write_text(text)


def test_the_head_is_the_revision_that_nothing_replaces(tmp_path: Path) -> None:
    _revision(tmp_path, "0001", None)
    _revision(tmp_path, "0003", "0002")
    _revision(tmp_path, "0002", "0001")
    assert head(tmp_path) == "0003"


def test_two_heads_or_none_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 newest revisions"):
        head(tmp_path)
    _revision(tmp_path, "0001", None)
    _revision(tmp_path, "0002", "0001")
    _revision(tmp_path, "0003", "0001")
    with pytest.raises(ValueError, match="2 newest revisions"):
        head(tmp_path)


def test_migrations_lie_beside_the_package_or_inside_it(tmp_path: Path) -> None:
    package = tmp_path / "src/grace/tiny"
    package.mkdir(parents=True)
    assert folder(str(package / "app.py")) == tmp_path / "migrations"
    (package / "migrations").mkdir()
    assert folder(str(package / "app.py")) == package / "migrations"


async def spoil(house: House, statement: str) -> None:
    """Change the schema; with a table more in it no other test is given this database."""
    admin = await house.installation.admin(house.database)
    try:
        await admin.execute(statement)
        await admin.execute("CREATE TABLE learning.spoiled ()")
    finally:
        await admin.close()


async def _complaint(house: House, statement: str) -> str:
    """What a service says at its start, after an administrator did this to its schema."""
    await spoil(house, statement)
    blank = house.blank("learning")
    assert blank.migrations is not None
    pool = await Pools().open("learning", blank.settings, logger("learning"))
    try:
        with pytest.raises(SchemaMismatch) as refused:
            await refuse_other_schema(pool, blank.migrations)
    finally:
        await pool.close()
    return str(refused.value)


async def test_an_empty_schema_is_refused(house: House) -> None:
    told = await _complaint(house, "DROP TABLE learning.alembic_version")
    assert told == "the schema is empty: run `grace migrate` first"


@pytest.mark.parametrize("found", ["0000", "9999"])
async def test_an_older_and_a_newer_schema_are_refused(house: House, found: str) -> None:
    told = await _complaint(house, f"UPDATE learning.alembic_version SET version_num = '{found}'")
    assert f"the schema is at {found}" in told
    assert "grace migrate" in told
    with pytest.raises(SchemaMismatch, match=f"learning is at {found}, .* restore the backup"):
        await house.installation.migrate(house.database)


async def test_migrating_again_changes_nothing(house: House) -> None:
    await house.installation.migrate(house.database)
    rows = await house.rows("learning", "SELECT version_num FROM alembic_version")
    assert len(rows) == 1


async def test_a_service_cannot_say_that_its_schema_is_another(house: House) -> None:
    role = await house.role("learning")
    try:
        with pytest.raises(Exception, match="permission denied"):
            await role.execute("UPDATE learning.alembic_version SET version_num = '9999'")
        with pytest.raises(Exception, match="permission denied"):
            await role.execute("CREATE TABLE learning.mine (x text)")
    finally:
        await role.close()
