"""Grace's own servers in one data directory, and what each service needs to reach them."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from grace.contracts.permissions import INSTALLER, users
from grace.contracts.subjects import SERVICES
from grace.kit import Service, migrations
from grace.kit.typed import TypedConnection
from grace.stack import streams
from grace.stack.errors import StackError
from grace.stack.nats import NatsLimits, NatsServer, UserPermissions
from grace.stack.postgres import SUPERUSER, PostgresServer

DATABASE = "grace"
_KEY_BYTES = 32


def present_services() -> list[str]:
    """The services that are installed here, identity first."""
    found = [name for name in SERVICES if _is_installed(name)]
    return sorted(found, key=lambda name: (name != "identity", name))


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(f"grace.{name}.app") is not None
    except ModuleNotFoundError:
        return False


class Installation:
    """NATS, Postgres, secrets and settings of one Grace. The caller holds the directory's lock."""

    def __init__(
        self,
        root: Path,
        *,
        more_users: Mapping[str, UserPermissions] | None = None,
        names: Sequence[str] | None = None,
        limits: NatsLimits | None = None,
    ) -> None:
        self.root = root
        self.names = list(names) if names is not None else present_services()
        allowed = {
            name: UserPermissions(p.publish, p.subscribe, p.allow_responses)
            for name, p in users().items()
        }
        self.nats = NatsServer(
            root, {**allowed, **(more_users or {})}, limits=limits or NatsLimits()
        )
        self.postgres = PostgresServer(root)

    def start_servers(self) -> None:
        """Start both servers; blocks for about a second the first time. Raises StackError."""
        self.nats.start()
        self.postgres.start()

    def stop_servers(self) -> None:
        """Stop both servers."""
        self.postgres.stop()
        self.nats.stop()

    async def prepare(self, database: str = DATABASE) -> None:
        """Make the database, migrate every schema, apply streams and consumers."""
        await self.make_database(database)
        await self.migrate(database)
        await self.apply_streams()

    async def make_database(self, database: str, *, template: str | None = None) -> None:
        """Make a database where it is missing; `template` is a database to copy."""
        admin = await self.admin("postgres")
        try:
            found = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database)
            if found is None:
                copy = f' TEMPLATE "{template}"' if template else ""
                await admin.execute(f'CREATE DATABASE "{database}"{copy}')
                await admin.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
            if template:
                await admin.execute(self._connect_right(database))
        finally:
            await admin.close()

    async def migrate(self, database: str = DATABASE) -> None:
        """Bring each service's schema to its newest revision."""
        url = URL.create(
            "postgresql+asyncpg",
            SUPERUSER,
            self.postgres.password,
            "127.0.0.1",
            self.postgres.port,
            database,
            {"ssl": "disable", "target_session_attrs": "any"},
        )
        folders = {name: migrations_of(name) for name in self.names}
        passwords = {name: self.secret(f"{name}.password") for name in self.names}
        try:
            await migrations.migrate(url, folders, passwords)
            await self._let_in(database)
        except (asyncpg.PostgresError, SQLAlchemyError) as error:
            raise StackError(f"schemas cannot be migrated: {_first_line(error)}") from error

    async def _let_in(self, database: str) -> None:
        admin = await self.admin(database)
        try:
            await admin.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            await admin.execute(self._connect_right(database))
        finally:
            await admin.close()

    def _connect_right(self, database: str) -> str:
        return f'GRANT CONNECT ON DATABASE "{database}" TO {", ".join(self.names)}'

    async def apply_streams(self) -> list[str]:
        """Make or repair streams and consumers; returns what was done."""
        client = await streams.connect(self.nats.url, str(self.nats.seed_file(INSTALLER)))
        try:
            return await streams.apply(client)
        finally:
            await client.close()

    async def admin(self, database: str = DATABASE) -> Any:  # noqa: ANN401 - asyncpg's own
        """A connection as the administrator."""
        login = self.postgres.connect_args(
            database, user=SUPERUSER, password=self.postgres.password
        )
        return await asyncpg.connect(**login, connection_class=TypedConnection)

    def secret(self, name: str) -> str:
        """A secret of this installation, made when it is asked for first; its file is 0600."""
        return self.secret_file(name).read_text(encoding="utf-8").strip()

    def secret_file(self, name: str) -> Path:
        """The file of a secret."""
        folder = self.root / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        return make_secret(folder / name, secrets.token_urlsafe(_KEY_BYTES))

    def settings(self, service: str, database: str = DATABASE) -> dict[str, Any]:
        """The settings of a service on this installation, by field name."""
        self.secret(f"{service}.password")
        common = {
            "nats_url": self.nats.url,
            "nats_seed_file": self.nats.seed_file(service),
            "postgres_host": "127.0.0.1",
            "postgres_port": self.postgres.port,
            "postgres_database": database,
            "postgres_sslmode": "disable",
            "postgres_session_attrs": "any",
            "postgres_user": service,
            "postgres_password_file": self.secret_file(f"{service}.password"),
            # Only what another replica committed waits for it, and here is one of each service.
            "outbox_interval": "PT1S",
        }
        return common | self._own_settings(service)

    def _own_settings(self, service: str) -> dict[str, Any]:
        match service:
            case "identity":
                return {"master_key_file": self.secret_file("master.key")}
            case "gateway":
                return {"admin_key_file": self.admin_key_file, "blob_store": self.blob_store}
            case "worker":
                return {"targets_file": self.targets_file, "blob_store": self.blob_store}
            case "verification":
                return {"sources_file": self.sources_file}
            case _:
                return {}

    @property
    def admin_key_file(self) -> Path:
        """The first API key, for principal `admin`."""
        return make_secret(self.root / "admin.key", f"grace_{secrets.token_urlsafe(_KEY_BYTES)}")

    @property
    def blob_store(self) -> str:
        """Where large results lie: a folder of this installation."""
        return (self.root.resolve() / "blobs").as_uri()

    @property
    def targets_file(self) -> Path:
        """The registry of targets, empty at first."""
        return make_secret(self.root / "targets.toml", "# The targets that Grace may act on.\n")

    @property
    def sources_file(self) -> Path:
        """The sources that verification may ask, none at first."""
        return make_secret(self.root / "sources.toml", "# The sources that Grace may ask.\n")

    def environment(self, service: str, database: str = DATABASE) -> dict[str, str]:
        """The same settings as environment variables, for a process of its own."""
        values = self.settings(service, database)
        return {f"GRACE_{service.upper()}_{k.upper()}": str(v) for k, v in values.items()}

    def build(self, service: str, database: str = DATABASE, **changes: Any) -> Service:  # noqa: ANN401 - a setting of any type
        """Make a service the way its own process does, with the settings of this installation."""
        settings_module = importlib.import_module(f"grace.{service}.settings")
        values = self.settings(service, database) | changes
        settings = settings_module.Settings(**values)
        built: Service = importlib.import_module(f"grace.{service}.app").build(settings)
        return built


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def migrations_of(service: str) -> Path:
    """The folder of a service's migrations, without importing the service."""
    spec = importlib.util.find_spec(f"grace.{service}.app")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"grace.{service} is not installed")
    return migrations.folder(spec.origin)


def make_secret(file: Path, text: str) -> Path:
    """Write a private file, whole or not at all, unless it is there. Whoever comes first wins."""
    if file.exists():
        return file
    handle, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        Path(draft).unlink()
    return file


async def start(installation: Installation) -> None:
    """Start the servers off the event loop, then prepare them."""
    await asyncio.to_thread(installation.start_servers)
    await installation.prepare()
