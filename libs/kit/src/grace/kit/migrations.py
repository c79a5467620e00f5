"""Alembic per schema: one version table each, under one advisory lock."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import URL, Connection

    from grace.kit.database import Pool

_REVISION = re.compile(r"^revision(?::\s*str)?\s*=\s*[\"'](\w+)[\"']", re.MULTILINE)
_DOWN = re.compile(r"^down_revision[^=]*=\s*[\"'](\w+)[\"']", re.MULTILINE)
_LOCK = 0x67726163  # any number, the same for everybody who migrates


class SchemaMismatch(Exception):
    """The database's schema is not the one that this code was written for."""


def folder(module_file: str) -> Path:
    """The migrations of a service: beside its package in a checkout, inside it in a wheel."""
    module = Path(module_file).resolve()
    installed = module.parent / "migrations"
    return installed if installed.is_dir() else module.parents[3] / "migrations"


def head(migrations: Path) -> str:
    """The newest revision in a folder, read without importing it. ValueError where there are two."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(migrations.glob("*.py"))]
    revisions = {match[1] for text in texts if (match := _REVISION.search(text))}
    replaced = {match[1] for text in texts if (match := _DOWN.search(text))}
    heads = revisions - replaced
    if len(heads) != 1:
        raise ValueError(f"{migrations} has {len(heads)} newest revisions, not one")
    return heads.pop()


async def refuse_other_schema(pool: Pool, migrations: Path) -> None:
    """SchemaMismatch unless the schema is at the newest revision."""
    wanted = head(migrations)
    if not await pool.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        raise SchemaMismatch("the schema is empty: run `grace migrate` first")
    found = await pool.fetchval("SELECT version_num FROM alembic_version")
    if found != wanted:
        raise SchemaMismatch(
            f"the schema is at {found}, this code needs {wanted}: run `grace migrate`,"
            " or start the version of Grace that the schema was made by"
        )


def kit_tables(edition: int = 1) -> list[str]:
    """The statements that make the kit's tables in a service's schema: the first ones, or later ones."""
    name = "tables.sql" if edition == 1 else f"tables_{edition}.sql"
    return statements(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def statements(sql: str) -> list[str]:
    """Split at semicolons that end a line, outside of $$ bodies: the driver takes one at a time."""
    found: list[str] = []
    current: list[str] = []
    quoted = False
    for line in sql.splitlines():
        if not quoted and (not line.strip() or line.lstrip().startswith("--")):
            continue
        current.append(line)
        quoted ^= line.count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not quoted:
            found.append("\n".join(current))
            current = []
    return [*found, "\n".join(current)] if current else found


async def migrate(url: URL, schemas: dict[str, Path], passwords: dict[str, str]) -> None:
    """Make each schema and its roles where they are missing, and bring it to its newest revision.

    `url` is an administrator's; `passwords` are those of the runtime roles, one per schema.
    """
    # Alembic and SQLAlchemy take 12 MB and a tenth of a second: only migrating pays for them.
    from sqlalchemy import text  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    # A PGSSLNEGOTIATION of the shell is meant for servers that speak TLS.
    plain = {"direct_tls": False} if url.query.get("ssl") == "disable" else {}
    engine = create_async_engine(url, connect_args=plain)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            for schema, migrations in schemas.items():
                await connection.run_sync(_prepare, schema, passwords[schema])
                await connection.commit()
                await connection.run_sync(_upgrade, schema, migrations)
                await connection.commit()
    finally:
        await engine.dispose()


def _prepare(connection: Connection, schema: str, password: str) -> None:
    """Two roles: the owner, who cannot log in, and the service, which owns nothing."""
    owner = f"{schema}_owner"
    _make_role(connection, owner, "NOLOGIN")
    _make_role(connection, schema, "LOGIN")
    # PostgreSQL takes no parameter here; the password is our own and quoted by the server.
    quoted = connection.exec_driver_sql("SELECT quote_literal($1)", (password,)).scalar_one()
    defaults = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT"
    for statement in (
        f"ALTER ROLE {schema} PASSWORD {quoted}",
        f"GRANT {owner} TO CURRENT_USER",
        f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}",
        f"{defaults} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {schema}",
        f"{defaults} USAGE ON SEQUENCES TO {schema}",
    ):
        connection.exec_driver_sql(statement)


def _make_role(connection: Connection, name: str, login: str) -> None:
    found = connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = $1", (name,))
    if found.first() is None:
        connection.exec_driver_sql(f"CREATE ROLE {name} {login} NOINHERIT")


def _upgrade(connection: Connection, schema: str, migrations: Path) -> None:
    """Run Alembic as the schema's owner, so that the owner owns what it makes."""
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    connection.exec_driver_sql(f"SET LOCAL ROLE {schema}_owner")
    connection.exec_driver_sql(f"SET LOCAL search_path TO {schema}")
    script = ScriptDirectory(str(migrations), version_locations=[str(migrations)])
    with EnvironmentContext(_config(migrations), script, fn=_steps(script, schema)) as context:
        context.configure(
            connection=connection, version_table_schema=schema, transactional_ddl=False
        )
        context.run_migrations()
    # The default privileges let the service write every table; this one is not its to write.
    connection.exec_driver_sql(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {schema}")


def _steps(script: ScriptDirectory, schema: str) -> Callable[..., Any]:
    from alembic.util import CommandError  # noqa: PLC0415

    def upgrade(revision: Any, _: object) -> object:  # noqa: ANN401 - a tuple, Alembic says str
        try:
            return script._upgrade_revs("head", revision)  # noqa: SLF001 - Alembic's documented recipe
        except CommandError:
            raise SchemaMismatch(
                f"the schema {schema} is at {', '.join(revision)}, which this version does not know:"
                " start the version of Grace that made it, or restore the backup from before"
            ) from None

    return upgrade


def _config(migrations: Path) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations))
    return config
