"""What older releases leave behind, or go on doing beside this one, until their last process has ended."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import URL

from grace.kit import migrations
from grace.kit.migrations import head
from grace.stack.installation import migrations_of
from grace.stack.postgres import SUPERUSER
from grace.testkit import House, eventually

TEXT = "A full disk is freed by removing rotated log files."
ADD_ARTIFACT = """
    INSERT INTO artifacts (id, title, artifact_type, actor, content, content_hash, data_size_bytes, origin, language)
    VALUES ($1, 'Disk', 'runbook', 'alice', $2,
            lpad(replace(CAST(CAST($1 AS uuid) AS text), '-', ''), 64, '0'), length($2), 'gateway', 'simple')
"""
# As releases did from before migration 0003.
ADD_CHUNK = """
    INSERT INTO chunks (artifact_id, position, tenant_id, language, heading, start_offset, end_offset, text)
    VALUES ($1, 0, 'default', 'simple', '', 0, length($2), $2)
"""
# As releases did between 0003 and 0007.
ADD_BOTH = f"""
    WITH stored AS ({ADD_CHUNK} RETURNING artifact_id, position, tenant_id)
    INSERT INTO embeddings (artifact_id, position, tenant_id) SELECT artifact_id, position, tenant_id FROM stored
"""
IS_AWAITED = """
    SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                    WHERE d.datname = current_database() AND l.relation = CAST('chunks' AS regclass) AND NOT l.granted)
"""
# As it was before pgvector 0.5: the extension lets go of what was new in it, and that is dropped.
WITHOUT_HNSW = """
    DO $$ DECLARE part text; BEGIN
        FOR part IN
            SELECT format('OPERATOR CLASS %I', opcname) FROM pg_opclass JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'hnsw'
            UNION ALL
            SELECT format('OPERATOR FAMILY %I', opfname) FROM pg_opfamily JOIN pg_am a ON a.oid = opfmethod WHERE amname = 'hnsw'
        LOOP
            EXECUTE format('ALTER EXTENSION vector DROP %s USING hnsw', part);
        END LOOP;
        ALTER EXTENSION vector DROP ACCESS METHOD hnsw;
        DROP ACCESS METHOD hnsw CASCADE;
    END $$
"""
HAS_INDEX = "SELECT to_regclass('embeddings_nearest') IS NOT NULL"
WAITING = "SELECT artifact_id FROM embeddings WHERE next_at <= now()"


async def store(connection: Any, *, by: str = ADD_CHUNK) -> UUID:
    """Store a text of one passage as an older release does."""
    artifact = uuid4()
    await connection.execute(ADD_ARTIFACT, artifact, TEXT)
    await connection.execute(by, artifact, TEXT)
    return artifact


class Old:
    """A database of its own, whose schema of knowledge is as old as a test says."""

    def __init__(self, house: House, admin: Any, database: str, folder: Path) -> None:
        self.admin = admin
        self.database = database
        self._house = house
        self._folder = folder

    async def migrate(self, *, to: str) -> None:
        for file in migrations_of("knowledge").glob("*.py"):
            if file.name[: len(to)] <= to:
                shutil.copy(file, self._folder)
        postgres = self._house.installation.postgres
        url = URL.create(
            "postgresql+asyncpg", SUPERUSER, postgres.password, "127.0.0.1", postgres.port,
            self.database, {"ssl": "disable", "target_session_attrs": "any"},
        )  # fmt: skip
        password = self._house.installation.secret("knowledge.password")
        await migrations.migrate(url, {"knowledge": self._folder}, {"knowledge": password})


@pytest.fixture
async def old(house: House, tmp_path: Path) -> AsyncIterator[Old]:
    database = f"old_{house.database}"
    await house.installation.make_database(database)
    admin = await house.installation.admin(database)
    try:
        await admin.execute("SET search_path TO knowledge")
        yield Old(house, admin, database, tmp_path)
    finally:
        await admin.close()
        over = await house.installation.admin("postgres")
        await over.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
        await over.close()


@pytest.mark.parametrize("by", [ADD_CHUNK, ADD_BOTH])
async def test_what_an_older_release_still_stores_gets_its_vector(house: House, by: str) -> None:
    async with house.running("knowledge"):
        older = await house.role("knowledge")
        try:
            await older.execute("SET search_path TO knowledge")
            artifact = await store(older, by=by)
        finally:
            await older.close()

        async def embedded() -> bool:
            rows = await house.rows(
                "knowledge", "SELECT FROM embeddings WHERE artifact_id = $1 AND embedding IS NOT NULL",
                artifact,
            )  # fmt: skip
            return bool(rows)

        await eventually(embedded, timeout=10)


async def test_what_was_passed_over_waits_and_what_is_stored_during_the_migration(
    house: House, old: Old
) -> None:
    await old.migrate(to="0006")
    stored = {await store(old.admin)}
    assert await old.admin.fetch(WAITING) == []
    other = await house.installation.admin(old.database)
    try:
        await other.execute("SET search_path TO knowledge")
        async with other.transaction():
            stored.add(await store(other))
            migrating = asyncio.create_task(old.migrate(to="0007"))
            await eventually(lambda: old.admin.fetchval(IS_AWAITED))
        await migrating
    finally:
        await other.close()
    assert {row["artifact_id"] for row in await old.admin.fetch(WAITING)} == stored


async def test_a_pgvector_that_has_no_hnsw_yet_stops_no_migration(
    old: Old,
) -> None:
    await old.admin.execute("CREATE SCHEMA knowledge AUTHORIZATION knowledge_owner")
    await old.admin.execute("CREATE EXTENSION vector SCHEMA knowledge")
    await old.admin.execute(WITHOUT_HNSW)
    await old.migrate(to=head(migrations_of("knowledge")))
    await store(old.admin)
    assert len(await old.admin.fetch(WAITING)) == 1
    assert await old.admin.fetchval("SELECT to_regtype('vector') IS NOT NULL")
    assert await old.admin.fetchval(HAS_INDEX) is False
