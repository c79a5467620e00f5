"""How a service connects to Postgres."""

from __future__ import annotations

import pytest

from grace.kit import ServiceSettings, SettingsError, database, logs
from grace.testkit import House


async def test_the_loopback_needs_no_tls(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    connection = await database.connect("learning", house.blank("learning").settings)
    try:
        assert await connection.fetchval("SELECT current_user") == "learning"
    finally:
        await connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - this machine, not as the loopback
async def test_a_server_without_tls_is_refused_where_tls_is_demanded(
    house: House, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    asked = ServiceSettings().postgres_sslmode
    settings = house.blank("learning", postgres_host=host, postgres_sslmode=asked).settings
    with pytest.raises(ConnectionError, match="SSL"):
        await database.connect("learning", settings)


def test_a_misspelt_mode_of_tls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify")
    with pytest.raises(SettingsError, match="POSTGRES_SSLMODE.*verify-full"):
        ServiceSettings()


@pytest.mark.parametrize("wanted", ["nonsense", "standby"])
def test_a_server_that_a_service_cannot_write_to_is_refused(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv("PGTARGETSESSIONATTRS", wanted)
    with pytest.raises(SettingsError, match="POSTGRES_SESSION_ATTRS.*read-write"):
        ServiceSettings()


async def test_what_libpq_would_not_take_is_told_and_not_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLNEGOTIATION", "nonsense")
    settings = house.blank("learning", postgres_sslmode="prefer").settings
    with pytest.raises(SettingsError, match="sslnegotiation"):
        await database.Pools().open("learning", settings, logs.logger("learning"))
