"""No statement looks for a row that it knows by its key in an index of few.

An index with a condition (`WHERE status = 'queued'`) looks empty to the planner whenever statistics were taken
while nothing was queued, and an empty index is cheaper to read whole than another one is to look into. A prepared
statement then reads the whole queue for every row that it changes, until statistics are taken anew. Where a key
is known, `status = (SELECT 'queued')` keeps that index out of sight.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from grace.kit.database import SESSION
from grace.kit.sql import Queries
from grace.stack.installation import Installation
from grace.testkit.house import TEMPLATE

if TYPE_CHECKING:
    from grace.kit.database import Connection

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "plans"
OF_TARGETS = "kernels"  # statements that run in somebody else's database
ROWS = 300

# Statements that read such an index whole, and may: they want all of it, or its front.
WHOLE = {
    "kit:is_left": "what has no number yet is a few, or the finding",
    "kit:look_behind": "the front",
    "kit:number_audited": "the front",
    "kit:unsent": "the front",
    "governance:count_brakes": "how many there are",
    "governance:count_ending_consents": "all of them",
    "governance:count_ending_trusts": "standing approvals that hold are a few",
    "governance:count_held": "how many there are",
    "governance:count_open_reviews": "how many there are",
    "governance:held_consents": "all of them",
    "governance:open_trusts": "standing approvals that hold are a few",
    "htm:count_queues": "how many there are",
    "htm:due_hour": "hours that still change are one or two",
    "htm:explain_task": "how many there are",
    "htm:find_standing": "how many there are",
    "htm:lapsed_tasks": "leases that ran out, among as many as the capacity",
    "htm:lock_ended": "replays, in one pass for all that is to go",
    "htm:next_due": "the front",
    "htm:open_hours": "the front",
    "htm:queue_names": "the names of all",
    "htm:queued_by_kernel": "how many there are",
    "htm:sla_candidates": "the front of each type",
    "intent:list_holds": "a page of what waits",
    "intent:thaw_missions": "all that waits",
    "knowledge:count_waiting": "how many there are",
    "observability:count_alerts": "how many there are",
    "observability:current_runs": "runs of now are a few",
    "observability:last_failures": "open alerts and the suites of an hour are a few",
    "observability:open_alerts": "all of them",
    "observability:prune_runs": "the front",
    "observability:reopen_remediations": "remediations at work are a few",
    "observability:resolve_alerts": "open alerts are a few",
    "observability:see_alerts": "open alerts are a few",
    "verification:count_attention": "how many there are",
    "verification:tell_open_missions": "how many there are",
}

# An index with a condition, and the column that it is sorted by.
_PARTIAL = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true)
      FROM pg_index WHERE indpred IS NOT NULL
"""
_CHECKS = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
      FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0 AND connamespace = $1::regnamespace
"""
_TABLES = """
    SELECT oid, relname FROM pg_class
     WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
_COLUMNS = """
    SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type, a.attnotnull AS needed,
           (SELECT coalesce(string_agg(pg_get_expr(indpred, indrelid), ' '), '') FROM pg_index
             WHERE indrelid = a.attrelid) AS conditions
      FROM pg_attribute a
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attgenerated = '' AND a.attidentity = ''
"""
# Each page holds as many rows as a large table has: what is asked for is how plans look then.
_LARGE = """
    SELECT pg_restore_relation_stats('schemaname', $1::text, 'relname', relname::text,
               'relpages', greatest(relpages, 1), 'reltuples', CAST(reltuples * 10000 AS real))
      FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'i') AND reltuples > 0
"""


@pytest.fixture(scope="module")
async def database(installation: Installation) -> AsyncIterator[Connection]:
    """Every table is full of what has ended: no index with a condition holds a row."""
    await installation.make_database(DATABASE, template=TEMPLATE)
    connection = await installation.admin(DATABASE)
    try:
        for service in services():
            await fill(connection, service)
        for name, value in {**SESSION, "plan_cache_mode": "force_generic_plan"}.items():
            await connection.execute(f"SET {name} = '{value}'")
        yield connection
    finally:
        await connection.close()
        admin = await installation.admin("postgres")
        await admin.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')
        await admin.close()


def services() -> list[str]:
    return sorted(path.name for path in (ROOT / "services").iterdir())


async def fill(connection: Connection, schema: str) -> None:
    """Rows without a life of their own; neither checks nor references hold here."""
    await connection.execute("SET session_replication_role = replica")
    for (statement,) in await connection.fetch(_CHECKS, schema):
        await connection.execute(statement)
    for table in await connection.fetch(_TABLES, schema):
        columns = await connection.fetch(_COLUMNS, table["oid"])
        names = ", ".join(f'"{column["name"]}"' for column in columns)
        values = ", ".join(map(value_of, columns))
        await connection.execute(
            f'INSERT INTO {schema}."{table["relname"]}" ({names})'
            f" SELECT {values} FROM generate_series(1, {ROWS}) AS n ON CONFLICT DO NOTHING"
        )
        await connection.execute(f'ANALYZE {schema}."{table["relname"]}"')
    await connection.execute(_LARGE.replace("$1", f"'{schema}'"))


def value_of(column: asyncpg.Record) -> str:
    """What is none of those that a condition asks for, and different in each row where it may be."""
    name, type_, conditions = column["name"], column["type"], column["conditions"]
    if type_ == "boolean":
        return str(f"NOT {name}" in conditions).lower()
    if not column["needed"] and f"{name} IS NULL" not in conditions:
        return "NULL"
    if type_ == "text" and (name in conditions or name == "language"):
        return "'simple'"
    return _VALUES.get(type_, f"CAST('{{}}' AS {type_})")


_VALUES = {
    "text": "'k' || n",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "now() - n * interval '1 second'",
    "date": "current_date - n",
    "bytea": "CAST('k' || n AS bytea)",
    "interval": "interval '1 second'",
    "tsvector": "CAST('word' AS tsvector)",
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "real", "double precision"), "n"),
}


def statements(service: str) -> Iterator[tuple[str, str, int]]:
    """What the service runs in its schema: name, text, count of parameters."""
    files = {"kit": [ROOT / "libs/kit/src/grace/kit/queries.sql"]}
    own = sorted((ROOT / "services" / service / "src").rglob("queries.sql"))
    files[service] = [file for file in own if OF_TARGETS not in file.parts]
    for owner, paths in files.items():
        for path in paths:
            for name, query in Queries(path.read_text(encoding="utf-8")).items():
                yield f"{owner}:{name}", query.text, len(query.parameters)


async def plan_of(connection: Connection, text: str, parameters: int) -> Any:
    """The plan for any values, as a prepared statement has it."""
    await connection.execute(f"PREPARE looked AS {text}")
    values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    found = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE looked{values}")
    await connection.execute("DEALLOCATE looked")
    return json.loads(found)[0]["Plan"]


def read_whole(plan: Any, partial: Mapping[str, str]) -> Iterator[str]:
    """The indexes of few that it reads from end to end: what it looks for is not what they are sorted by."""
    index = plan.get("Index Name")
    if index in partial and partial[index] not in plan.get("Index Cond", ""):
        yield index
    for inner in plan.get("Plans", ()):
        yield from read_whole(inner, partial)


async def found_in(connection: Connection, service: str) -> dict[str, set[str]]:
    await connection.execute(f"SET search_path TO {service}")
    partial = dict(await connection.fetch(_PARTIAL))
    found = {}
    for name, text, parameters in statements(service):
        plan = await plan_of(connection, text, parameters)
        if indexes := set(read_whole(plan, partial)):
            found[name] = indexes
    return found


async def test_what_is_known_by_its_key_is_found_by_it(
    database: Connection,
) -> None:
    found: dict[str, set[str]] = {}
    for service in services():
        found |= await found_in(database, service)
    bad = {name: sorted(indexes) for name, indexes in found.items() if name not in WHOLE}
    assert not bad, f"hide the condition: status = (SELECT 'queued'): {bad}"
    unneeded = sorted(WHOLE.keys() - found.keys())
    assert not unneeded, f"no longer needed: take it off the list: {unneeded}"


async def test_a_statement_that_shows_its_condition_is_seen(
    database: Connection,
) -> None:
    await database.execute("SET search_path TO htm")
    shown = "UPDATE htm_tasks SET spec = NULL WHERE id = $1 AND status = 'queued'"
    plan = await plan_of(database, shown, 1)
    assert list(read_whole(plan, dict(await database.fetch(_PARTIAL))))
