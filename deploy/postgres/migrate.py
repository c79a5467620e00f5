"""Brings every schema of a Postgres to its newest revision: roles, tables, rights.

    python deploy/postgres/migrate.py --host HOST --password-file FILE --passwords FOLDER

`--user` is an administrator's: it makes roles and schemas, and no service knows it. FOLDER holds
`<service>/postgres.password` for each service. To run it again changes nothing.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import asyncpg
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from grace.contracts.subjects import SERVICES
from grace.kit import migrations
from grace.stack.installation import migrations_of

_RIGHTS = Path(__file__).with_name("rights.sql")
# An InterfaceError is a variable of libpq that cannot be used, or a connection that broke.
_EXPECTED = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    SQLAlchemyError,
    migrations.SchemaMismatch,
)


def main() -> int:
    """Migrate; return the exit code."""
    given = _arguments()
    try:
        asyncio.run(migrate(given))
    except _EXPECTED as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        print(f"grace: Postgres at {given.host}:{given.port}: {reason[0]}", file=sys.stderr)
        return 1
    print(f"schemas {', '.join(SERVICES)} are current")
    return 0


async def migrate(given: argparse.Namespace) -> None:
    """Migrate every schema under one lock, then take from everybody what no service needs."""
    login = {"host": given.host, "port": given.port, "database": given.database}
    password = _read(given.password_file)
    url = URL.create("postgresql+asyncpg", given.user, password, **login)
    folders = {service: migrations_of(service) for service in SERVICES}
    passwords = {s: _read(given.passwords / s / "postgres.password") for s in SERVICES}
    await migrations.migrate(url, folders, passwords)
    admin = await asyncpg.connect(user=given.user, password=password, **login)
    try:
        await admin.execute(_RIGHTS.read_text(encoding="utf-8"))
    finally:
        await admin.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=5432)
    parser.add_argument("--database", default="grace")
    parser.add_argument("--user", default="grace_admin")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--passwords", type=Path, required=True)
    return parser.parse_args()


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    sys.exit(main())
