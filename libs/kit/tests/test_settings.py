from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from grace.kit import ServiceSettings, SettingsError, service_config


class Settings(ServiceSettings):
    model_config = service_config("tiny")

    lease: timedelta = timedelta(seconds=45)
    workers: int = 3
    names: tuple[str, ...] = ()
    word: SecretStr = SecretStr("")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRACE_TINY_LEASE", "GRACE_TINY_WORKERS", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_sets_what_the_service_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRACE_TINY_LEASE", "PT90S")
    monkeypatch.setenv("GRACE_TINY_NATS_SEED_FILE", "/somewhere")
    settings = Settings()
    assert settings.lease == timedelta(seconds=90)
    assert settings.nats_seed_file == Path("/somewhere")
    assert settings.workers == 3


def test_a_variable_may_be_written_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("grace_Tiny_workers", "4")
    assert Settings().workers == 4
    assert Settings(workers=5).workers == 5


def test_an_unknown_variable_is_refused_with_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRACE_TINY_LAESE", "90")
    with pytest.raises(SettingsError, match="GRACE_TINY_LAESE; did you mean GRACE_TINY_LEASE?"):
        Settings()


def test_an_unknown_argument_is_refused_with_a_suggestion() -> None:
    with pytest.raises(SettingsError, match="did you mean WORKERS?"):
        Settings(worker=3)


def test_another_services_variables_are_none_of_our_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRACE_OTHER_LAESE", "90")
    monkeypatch.setenv("LOG_LEVEL", "shout")
    assert Settings().log_level == "info"
    assert ServiceSettings().log_level == "info"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "hunter2"),
        ("LEASE", "hunter2"),
        ("PG_POOL", "hunter2"),
        ("NAMES", "[hunter2"),
        ("LOG_LEVEL", "hunter2"),
    ],
)
def test_a_wrong_value_is_named_but_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GRACE_TINY_{name}", value)
    with pytest.raises(SettingsError) as refused:
        Settings()
    told = repr(refused.value) + str(refused.value)
    assert name.lower() in told.lower()
    assert "hunter2" not in told
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1)])
def test_a_duration_must_be_positive(value: timedelta) -> None:
    with pytest.raises(SettingsError, match="OUTBOX_INTERVAL: .*greater than"):
        Settings(outbox_interval=value)


def test_what_a_script_left_empty_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPS_HOST", "NATS_SEED_FILE", "POSTGRES_DATABASE"):
        for empty in ("", "  "):
            monkeypatch.setenv(f"GRACE_TINY_{name}", empty)
            with pytest.raises(SettingsError, match=f"{name}: .*is empty"):
                Settings()
        monkeypatch.delenv(f"GRACE_TINY_{name}")
    monkeypatch.setenv("GRACE_TINY_POSTGRES_USER", "")
    assert Settings().postgres_user == ""


def test_settings_do_not_change() -> None:
    with pytest.raises(Exception, match="frozen"):
        Settings().workers = 4
