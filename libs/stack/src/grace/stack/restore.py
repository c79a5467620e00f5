"""`grace restore`: a data directory anew out of a dump of its Postgres, and nothing of its NATS."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

from grace.stack.errors import StackError
from grace.stack.installation import DATABASE, Installation
from grace.stack.postgres import SUPERUSER, binary


def refuse_unfit(root: Path, dump: Path) -> None:
    """StackError unless there is a dump and its keys, and nothing that it would overwrite."""
    if not dump.is_file():
        raise StackError(f"there is no dump {dump}")
    if not (root / "secrets" / "master.key").is_file():
        raise StackError(
            f"{root}/secrets holds no master.key: without the one of the dump nobody opens its keys"
        )


async def restore(installation: Installation, dump: Path) -> None:
    """Fill a new Postgres from the dump, bring its schemas up to date, and forget the streams.

    Streams that are newer than the database would not deliver again what it has not seen yet.
    """
    if installation.postgres.placement.cluster.exists():
        raise StackError(
            f"{installation.postgres.placement.cluster} is there already: move it away first"
        )
    try:
        await asyncio.to_thread(installation.postgres.start)
        await _make_roles(installation)
        await asyncio.to_thread(_fill, installation, dump)
        await installation.migrate(DATABASE)
    except BaseException:
        # Half of it would pass for the whole at the next start.
        await asyncio.to_thread(installation.postgres.remove)
        raise
    await asyncio.to_thread(installation.postgres.stop)
    shutil.rmtree(installation.root / "nats" / "store", ignore_errors=True)


async def _make_roles(installation: Installation) -> None:
    """Roles belong to the server and are in no dump: what makes them makes tables, too."""
    await installation.make_database(DATABASE)
    await installation.migrate(DATABASE)
    admin = await installation.admin("postgres")
    try:
        await admin.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')
    finally:
        await admin.close()
    await installation.make_database(DATABASE)


def _fill(installation: Installation, dump: Path) -> None:
    server = installation.postgres
    to = ["--host=127.0.0.1", f"--port={server.port}", f"--username={SUPERUSER}"]
    done = subprocess.run(
        [binary("pg_restore"), *to, f"--dbname={DATABASE}", "--exit-on-error", dump],
        capture_output=True,
        check=False,
        env={"PATH": os.defpath, "LC_ALL": "C", "PGPASSWORD": server.password},
        text=True,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise StackError(f"{dump} cannot be restored: {reason}")
