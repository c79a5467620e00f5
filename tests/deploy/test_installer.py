"""What runs before the services: keys and passwords, the configuration of NATS, the schemas."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest

from grace.contracts.permissions import INSTALLER, OUTSIDE
from grace.contracts.subjects import SERVICES, STREAMS
from grace.gateway.api.server import read_token
from grace.identity.handlers.keys import read_master_key
from grace.stack import streams
from grace.stack.installation import Installation
from grace.stack.nats import binary
from grace.stack.ports import accepts, free_port
from grace.stack.processes import wait_until

from .chart import ROOT

sys.path += [str(ROOT / "deploy" / "docker"), str(ROOT / "deploy" / "postgres")]

import migrate
import prepare

DATABASE = "grace_migrated"


def run(program: ModuleType, *arguments: str) -> tuple[int, str]:
    """Run a program here, which spares a second of imports; its exit code, and what it complained."""
    complaints = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(complaints):
        patch.setattr(sys, "argv", [str(program.__file__), *arguments])
        return program.main(), complaints.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was prepared twice: the second time changes nothing."""
    folder = tmp_path_factory.mktemp("prepared") / "secrets"
    arguments = (str(folder), "--store", str(folder / "nats" / "store"))
    assert run(prepare, *arguments) == (0, "")
    before = contents(folder)
    assert run(prepare, *arguments) == (0, "")
    assert contents(folder) == before
    return folder


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


def test_everybody_gets_the_secrets_that_they_need_and_no_other(made: Path) -> None:
    wanted = {f"{service}/{name}" for service in SERVICES for name in ("nats.nk", "postgres.password")}  # fmt: skip
    wanted |= {f"{INSTALLER}/nats.nk", f"{OUTSIDE}/nats.nk", "postgres/postgres.password"}
    wanted |= {"identity/master.key", "gateway/admin.key", "nats/nats.conf"}
    assert contents(made).keys() == wanted
    texts = [text for name, text in contents(made).items() if not name.endswith(".conf")]
    assert len(texts) == len(set(texts))
    public = {"postgres/postgres.password"}
    open_to_others = {name for name in wanted if (made / name).stat().st_mode & 0o077}
    assert open_to_others == public
    assert made.stat().st_mode & 0o077 == 0, "behind a door that only its owner opens"


def test_the_services_take_the_keys_that_were_made(made: Path) -> None:
    assert read_token(made / "gateway" / "admin.key").startswith("grace_")
    assert read_master_key(made / "identity" / "master.key")


def test_an_empty_secret_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "master.key").touch()
    code, said = run(prepare, str(tmp_path))
    assert code == 1
    assert "master.key is empty" in said


@contextmanager
def nats_server(made: Path) -> Iterator[str]:
    """The server as a container runs it: its configuration, and another address."""
    port = free_port()
    command = [str(binary()), "--config", str(made / "nats" / "nats.conf"), "--addr", "127.0.0.1"]
    command += ["--port", str(port), "--http_port", str(free_port())]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: accepts(port), within=10.0)
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def test_nats_runs_on_the_configuration_and_the_installer_makes_the_streams(
    made: Path,
) -> None:
    assert 'sync_interval: "always"' in (made / "nats" / "nats.conf").read_text(encoding="utf-8")
    with nats_server(made) as url:
        client = await streams.connect(url, str(made / INSTALLER / "nats.nk"))
        try:
            done = await streams.apply(client)
            assert {f"stream {name} made" for name in STREAMS} <= set(done)
            assert await streams.apply(client) == []
        finally:
            await client.close()


def test_schemas_are_made_and_closed_to_everybody_else(
    installation: Installation, tmp_path: Path
) -> None:
    arguments = migration(installation, tmp_path)
    code, said = run(migrate, *arguments)
    assert code == 1
    assert f'database "{DATABASE}" does not exist' in said
    asyncio.run(administer(installation, f"CREATE DATABASE {DATABASE}"))
    for _ in ("makes them", "finds them"):
        assert run(migrate, *arguments) == (0, "")
    asyncio.run(check_doors(installation))


def migration(installation: Installation, folder: Path) -> list[str]:
    """The arguments; the roles are the session's, so their passwords have to stay."""
    for owner in installation.names:
        (folder / owner).mkdir()
        secret = installation.secret(f"{owner}.password")
        (folder / owner / "postgres.password").write_text(secret, encoding="utf-8")
    (folder / "admin").write_text(installation.postgres.password, encoding="utf-8")
    to = installation.postgres.connect_args()
    return [
        f"--host={to['host']}", f"--port={to['port']}", f"--user={to['user']}",
        f"--database={DATABASE}", f"--password-file={folder / 'admin'}", f"--passwords={folder}",
    ]  # fmt: skip


async def administer(installation: Installation, statement: str) -> None:
    admin = await installation.admin("postgres")
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


async def check_doors(installation: Installation) -> None:
    """Each service sees its own tables only; a role that is no service cannot even enter."""
    for service in SERVICES:
        own = await enter(installation, service, installation.secret(f"{service}.password"))
        try:
            assert await own.fetchval(f"SELECT count(*) FROM {service}.outbox") == 0
            other = "htm" if service != "htm" else "intent"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await own.fetchval(f"SELECT count(*) FROM {other}.outbox")
        finally:
            await own.close()
    await administer(installation, "CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await enter(installation, "stranger", "stranger")
    await administer(installation, "DROP ROLE stranger")


async def enter(installation: Installation, user: str, password: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        **installation.postgres.connect_args(DATABASE, user=user, password=password)
    )
