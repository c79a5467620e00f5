"""What an installation makes once and keeps."""

import resource
from pathlib import Path

import pytest

from grace.htm.settings import Settings
from grace.kit.database import connect
from grace.stack import cluster
from grace.stack.errors import StackError
from grace.stack.installation import make_secret
from grace.testkit import House


def test_a_secret_that_did_not_fit_on_the_disk_is_not_there(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            make_secret(tmp_path / "master.key", "first")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_private_and_stays_as_it_is(tmp_path: Path) -> None:
    made = make_secret(tmp_path / "master.key", "first")
    assert make_secret(made, "second").read_text(encoding="utf-8") == "first"
    assert made.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [made]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PGTARGETSESSIONATTRS", "nonsense"),
        ("PGTARGETSESSIONATTRS", "standby"),
        ("PGSSLNEGOTIATION", "direct"),
    ],
)
async def test_what_a_shell_says_of_other_servers_does_not_stop_it(
    house: House, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    await house.installation.migrate(house.database)
    settings = Settings(**house.installation.settings("htm", house.database))
    connection = await connect("htm", settings)
    try:
        assert await connection.fetchval("SELECT current_user") == "htm"
    finally:
        await connection.close()


async def test_a_shell_that_wants_tls_of_other_servers_does_not_stop_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    await house.installation.migrate(house.database)
    login = house.installation.postgres.connect_args(house.database)
    settings = Settings(**house.installation.settings("htm", house.database))
    assert (login["ssl"], settings.postgres_sslmode) == ("disable", "disable")


async def test_what_stops_a_migration_is_told_in_one_line(house: House) -> None:
    with pytest.raises(StackError, match=r'migrated: .*database "nowhere" does not exist$'):
        await house.installation.migrate("nowhere")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("FATAL:  no space left\ninitdb: removing contents of x\n", "FATAL:  no space left"),
        ("initdb: error: x is not empty\ninitdb: hint: take y\n", "initdb: error: x is not empty"),
        ("something else\n", "something else"),
        ("", "no reason given"),
    ],
)
def test_why_initdb_failed_is_told_and_not_what_it_tidied_up(said: str, reason: str) -> None:
    assert cluster.reason_in(said) == reason
