"""A dump and the master key bring back what Postgres held, and nothing of what NATS remembers."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from grace.client.cli import build
from grace.stack.errors import StackError
from grace.stack.installation import Installation
from grace.stack.postgres import SUPERUSER, binary
from grace.stack.restore import restore
from grace.testkit import server_folder

SERVICE = "learning"
REMEMBER = "INSERT INTO relay_streams VALUES ('EVENTS', 'then', 7) RETURNING last_sequence"
KNOWN = "SELECT last_sequence FROM relay_streams WHERE stream = 'EVENTS'"


def installation(root: Path) -> Installation:
    root.mkdir(exist_ok=True)
    made = Installation(root, names=[SERVICE])
    made.secret("master.key")
    return made


async def ask(here: Installation, statement: str) -> object:
    """One statement of the service, with the password of this installation."""
    login = here.postgres.connect_args(
        "grace", user=SERVICE, password=here.secret(f"{SERVICE}.password")
    )
    connection = await asyncpg.connect(**login, server_settings={"search_path": SERVICE})
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postgres's account reaches."""
    with server_folder() as made:
        yield made


@pytest.fixture
async def dump(folder: Path) -> Path:
    """What pg_dump writes of a Postgres that knows something."""
    here, file = installation(folder / "before"), folder / "grace.dump"
    await asyncio.to_thread(here.postgres.start)
    try:
        await here.make_database("grace")
        await here.migrate()
        await ask(here, REMEMBER)
        to = ["--host=127.0.0.1", f"--port={here.postgres.port}", f"--username={SUPERUSER}"]
        command = [binary("pg_dump"), *to, "--format=custom", f"--file={file}", "grace"]
        secret = {"PATH": os.defpath, "PGPASSWORD": here.postgres.password}
        await asyncio.to_thread(subprocess.run, command, check=True, env=secret)
    finally:
        await asyncio.to_thread(here.postgres.stop)
    return file


async def test_what_was_dumped_is_known_again_and_the_streams_are_forgotten(
    dump: Path, folder: Path
) -> None:
    here = installation(folder / "after")
    newer = here.root / "nats" / "store" / "jetstream"
    newer.mkdir(parents=True)
    await restore(here, dump)
    assert not newer.exists(), "what it delivered, the database has not seen"
    await asyncio.to_thread(here.postgres.start)
    try:
        assert await ask(here, KNOWN) == 7
    finally:
        await asyncio.to_thread(here.postgres.stop)


async def test_half_a_restore_leaves_nothing_that_would_pass_for_the_whole(
    dump: Path, folder: Path
) -> None:
    whole = dump.read_bytes()
    dump.write_bytes(whole[: len(whole) // 2])
    here = installation(folder / "after")
    with pytest.raises(StackError, match=r"grace\.dump cannot be restored: pg_restore"):
        await restore(here, dump)
    assert not here.postgres.placement.cluster.exists()
    dump.write_bytes(whole)
    await restore(installation(here.root), dump)


async def test_a_database_that_is_there_is_not_written_over(dump: Path, folder: Path) -> None:
    here = installation(folder / "before")
    with pytest.raises(StackError, match="is there already: move it away first"):
        await restore(here, dump)
    assert (here.postgres.placement.cluster / "PG_VERSION").is_file()


@pytest.mark.parametrize(
    ("file", "key", "told"),
    [("nothing.dump", "key", "there is no dump"), ("a.dump", None, "holds no master.key")],
)
def test_what_is_missing_is_told_in_one_line(
    tmp_path: Path, file: str, key: str | None, told: str
) -> None:
    (tmp_path / "a.dump").touch()
    if key:
        (tmp_path / "data" / "secrets").mkdir(parents=True)
        (tmp_path / "data" / "secrets" / "master.key").write_text(key, encoding="utf-8")
    asked = ["restore", str(tmp_path / file), "--data-dir", str(tmp_path / "data")]
    ended = CliRunner().invoke(build(), asked)
    assert (ended.exit_code, told in ended.stderr) == (1, True)
    assert ended.stderr.count("\n") == 1
