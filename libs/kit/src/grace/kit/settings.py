"""Settings of a service: typed, from GRACE_<SERVICE>_<FIELD>, unknown keys refused."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettings

# A crashed service's batch is delivered again after this; grace.stack.streams makes consumers so.
ACK_WAIT = timedelta(seconds=10)

_LONGEST = timedelta(days=36_525)  # beyond a century no clock can be reckoned with

Duration = Annotated[timedelta, Field(gt=timedelta(0), le=_LONGEST)]


class SettingsError(Exception):
    """The settings cannot be used; the message is one line that says what to change."""


def service_config(service: str) -> SettingsConfigDict:
    """The pydantic configuration of a service's Settings class."""
    return SettingsConfigDict(env_prefix=f"GRACE_{service.upper()}_", frozen=True, extra="forbid")


class ServiceSettings(BaseSettings):
    """What every service needs to reach its servers. Secrets come as files, never as values."""

    # A service names its own; without any, LOG_LEVEL and the like of other programs would count.
    model_config = service_config("kit")

    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed_file: Path = Path("/run/secrets/grace/nats.nk")
    # A batch in hand says so three times as often.
    nats_ack_wait: Duration = ACK_WAIT
    postgres_host: str = "127.0.0.1"
    postgres_port: int = Field(default=5432, ge=1, le=65535)
    postgres_database: str = "grace"
    postgres_user: str = ""
    postgres_password_file: Path = Path("/run/secrets/grace/postgres.password")
    # libpq's modes. Without one: none on the loopback, elsewhere whatever the server offers.
    postgres_sslmode: str = Field(
        default_factory=lambda: os.environ.get("PGSSLMODE", ""),
        pattern="^(|disable|allow|prefer|require|verify-ca|verify-full)$",
        validate_default=True,
    )
    # As in libpq, of what a service can work with: it writes, and so wants no standby.
    postgres_session_attrs: str = Field(
        default_factory=lambda: os.environ.get("PGTARGETSESSIONATTRS", "any"),
        pattern="^(any|primary|read-write)$",
        validate_default=True,
    )
    # Four connections serve a service on a small host; a busy htm wants more.
    pool_size: int = Field(default=4, ge=2, le=100)
    ops_host: str = "127.0.0.1"
    # Health and metrics; 0 takes a free port.
    ops_port: int = Field(default=0, ge=0, le=65535)
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    # Nobody waits longer for a commit of another replica's; where there is none, a second is as good.
    outbox_interval: Duration = timedelta(milliseconds=200)
    # Sent rows are kept as long as inboxes remember, so that a wiped stream can be filled again.
    outbox_retention: Duration = timedelta(days=7)
    # How often the streams are looked at for a wipe.
    regression_interval: Duration = timedelta(seconds=2)
    # A handler that fails on one message this often gives it up to the quarantine.
    max_deliveries: int = Field(default=5, ge=1)
    # How often it says how it is; four late beats are an alert.
    beat_interval: Duration = timedelta(seconds=2)
    # What is in hand may take this long at a stop; Kubernetes ends a process after 30 s.
    stop_grace: Duration = timedelta(seconds=20)

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - pydantic finds out
        refuse_unknown_environment(type(self), os.environ)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(type(self), error)) from None
        except UnreadableSettings as error:  # its cause would show the value
            raise SettingsError(str(error)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: object, info: ValidationInfo) -> object:
        """Refuse a blank text: a variable that a script left empty is no host, folder or name.

        To some of them it would mean everything: all addresses, the folder of the moment.
        """
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, str) and not value.strip() and not _may_be_empty(field):
            raise ValueError("is empty: give a value, or leave it out")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is no such file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor such a folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the code gives, then the environment where it says anything of this service.

        To ask it for each field takes longer than all that is done with the settings.
        """
        prefix = str(settings_cls.model_config.get("env_prefix", ""))
        is_told = any(name.upper().startswith(prefix) for name in os.environ)
        return (init_settings, env_settings) if is_told else (init_settings,)


def _may_be_empty(field: FieldInfo) -> bool:
    return field.get_default(call_default_factory=True) == "" or field.default_factory is not None


def crash_at() -> str:
    """Where a test lets this process die: one variable for whatever runs in it, empty in production."""
    return os.environ.get("GRACE_CRASH_AT", "")


def refuse_unknown_environment(settings: type[BaseSettings], environment: Iterable[str]) -> None:
    """Refuse variables with the service's prefix that are no setting: a typo must not be silent."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    known = {f"{prefix}{name}".upper() for name in settings.model_fields}
    for name in sorted(environment):
        if prefix and name.upper().startswith(prefix) and name.upper() not in known:
            raise SettingsError(f"unknown setting {name}{_suggestion(name.upper(), known)}")


def _suggestion(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _explain(settings: type[BaseSettings], error: ValidationError) -> str:
    """One line: which variables, what is wrong with each; values are left out, they may be secret."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        field = "__".join(str(part) for part in problem["loc"])
        known = {name.upper() for name in settings.model_fields}
        hint = _suggestion(field.upper(), known) if problem["type"] == "extra_forbidden" else ""
        lines.append(f"{prefix}{field.upper()}: {problem['msg']}{hint}")
    return "; ".join(lines)
