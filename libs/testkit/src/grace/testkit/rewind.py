"""Brings a used database back to what the migrations made: ten times faster than a new copy.

The rows that migrations insert are kept aside in the template, and so is the function that puts them
back; a test that left other tables behind than the template has is told so, and its database is
thrown away.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname <> 'alembic_version' ORDER BY 1
"""
_KNOWN = "SELECT name FROM kept.tables ORDER BY name"
# Some tables refuse deletes by a trigger, and rightly; a replica's session fires none.
AS_REPLICA = "SET session_replication_role = replica"
# What tests read through stays: it locks nothing.
AS_EYES = "SET application_name = 'grace-eyes'"
_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'grace-eyes'
       AND pid <> ALL($1)
"""
# A function keeps the plans of its statements as long as its session lives.
_FUNCTION = """
    CREATE FUNCTION kept.rewind() RETURNS void LANGUAGE plpgsql AS $rewind$ BEGIN {} END $rewind$
"""
_EMPTY = "IF EXISTS (SELECT FROM {0}) THEN DELETE FROM {0}; END IF;"
_REFILL = 'DELETE FROM {0}; INSERT INTO {0} OVERRIDING SYSTEM VALUE TABLE kept."{0}";'


async def keep(admin: Any, schemas: list[str]) -> None:  # noqa: ANN401 - asyncpg's connection
    """Remember which tables there are and which rows the migrations made, in the database itself."""
    await admin.execute("CREATE SCHEMA kept")
    await admin.execute("CREATE TABLE kept.tables (name text)")
    steps = []
    for name in [row["name"] for row in await admin.fetch(_TABLES, schemas)]:
        await admin.execute("INSERT INTO kept.tables VALUES ($1)", name)
        has_rows = await admin.fetchval(f"SELECT EXISTS (SELECT FROM {name})")
        if has_rows:
            await admin.execute(f'CREATE TABLE kept."{name}" AS TABLE {name}')
        steps.append((_REFILL if has_rows else _EMPTY).format(name))
    await admin.execute(_FUNCTION.format("\n".join(steps)))


async def rewind(
    admin: Any,  # noqa: ANN401 - asyncpg's connection
    schemas: list[str],
    spared: Collection[int],
) -> bool:
    """Empty every table and put the migrations' rows back; False when other tables are there.

    The session is a replica's. The others are ended, but those with the spared process ids: they hold nothing.
    """
    await admin.execute(_OTHERS, spared)
    found = await admin.fetch(_TABLES, schemas)
    known = await admin.fetch(_KNOWN)
    if [row["name"] for row in found] != [row["name"] for row in known]:
        return False
    await admin.execute("SELECT kept.rewind()")
    return True
