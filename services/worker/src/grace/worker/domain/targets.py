"""The registered targets: what the targets file says, checked. Reading it is done elsewhere."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_TLS = ("prefer", "require", "verify-full")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}\.[A-Za-z_][A-Za-z0-9_$]{0,62}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_STEERING = re.compile(
    r"(LD_|DYLD_|PYTHON|PERL|RUBY|NODE_|GRACE_|BASH|GCONV|(PATH|HOME|IFS|ENV|LC_ALL)$)"
)
# As SQLAlchemy writes them: the path begins behind three slashes, an absolute one with a fourth.
_SQLITE_URL = re.compile(r"^sqlite(\+[a-z]+)?:///")
_BESIDE = ("-wal", "-shm", "-journal")
_OWN = "own"  # in consents: what a target's entry holds without a name
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class InvalidTargetsError(ValueError):
    """The targets file cannot be used; the message names the entry."""


@dataclass(frozen=True, slots=True)
class Login:
    """Whom to connect as. The password is read from its file at the moment of use.

    `secret`: the name under which people consent to that; one of the target's own where it was given none.
    """

    user: str
    password_file: PurePosixPath
    secret: str
    is_own: bool = True


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """One database, or one table of it. `act` changes, `observe` measures: never the same role.

    `table` is schema.name as the catalogue spells it; operations on tables need it.
    """

    id: str
    environment: str
    host: str
    port: int
    database: str
    tls: str
    act: Login
    observe: Login
    table: str | None = None
    kind: str = "postgres"


@dataclass(frozen=True, slots=True)
class FilesystemTarget:
    """One folder; nothing above or beside it is ever touched."""

    id: str
    environment: str
    root: PurePosixPath
    kind: str = "filesystem"


@dataclass(frozen=True, slots=True)
class SqliteTarget:
    """One database file, with what SQLite keeps beside it."""

    id: str
    environment: str
    file: PurePosixPath
    kind: str = "sqlite"


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """Commands of this machine that only look, each as the list of its words; no other is run.

    `variables`: which variables of their environment may hold a secret.
    """

    id: str
    environment: str
    allow: tuple[tuple[str, ...], ...]
    variables: frozenset[str] = frozenset()
    kind: str = "command"


@dataclass(frozen=True, slots=True)
class MemoryTarget:
    """Processes of this machine that may be looked at: by all of their words, or by a pid file."""

    id: str
    environment: str
    processes: tuple[tuple[str, ...], ...]
    pid_files: tuple[PurePosixPath, ...]
    kind: str = "memory"


Target: TypeAlias = PostgresTarget | FilesystemTarget | SqliteTarget | CommandTarget | MemoryTarget
Table: TypeAlias = Mapping[str, object]


def parse(text: str) -> dict[str, Target]:
    """Return the targets of a TOML text by id. InvalidTargetsError says which entry is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidTargetsError(f"not TOML: {error}") from None
    # Its secrets are read elsewhere: secret_files.py.
    _only(document, {"targets", "secrets"}, "the file")
    return {name: _target(name, table) for name, table in _table(document, "targets").items()}


def _target(name: str, entry: object) -> Target:
    where = f"targets.{name}"
    if not _ID.fullmatch(name):
        raise InvalidTargetsError(f"{where}: not an id (A-Z a-z 0-9 . _ : -)")
    if not isinstance(entry, dict):
        raise InvalidTargetsError(f"{where}: not a table")
    match entry.get("kind"):
        case "postgres":
            return _postgres(name, entry, where)
        case "filesystem":
            return _filesystem(name, entry, where)
        case "sqlite":
            return _sqlite(name, entry, where)
        case "command":
            return _command(name, entry, where)
        case "memory":
            return _memory(name, entry, where)
        case other:
            raise InvalidTargetsError(f"{where}: unknown kind {other!r}")


def _postgres(name: str, entry: Table, where: str) -> PostgresTarget:
    known = {"kind", "environment", "host", "port", "database", "tls", "act", "observe", "table"}
    _only(entry, known, where)
    host = _text(entry, "host", where)
    act, observe = _login(entry, "act", name, where), _login(entry, "observe", name, where)
    if act.user == observe.user:
        raise InvalidTargetsError(f"{where}: who acts must not measure: act and observe are one")
    return PostgresTarget(
        id=name,
        environment=_environment(entry, where),
        host=host,
        port=_port(entry, where),
        database=_text(entry, "database", where),
        tls=_tls(entry, host, where),
        act=act,
        observe=observe,
        table=_table_name(entry, where),
    )


def _table_name(entry: Table, where: str) -> str | None:
    if "table" not in entry:
        return None
    name = _text(entry, "table", where)
    if not _TABLE.fullmatch(name):
        raise InvalidTargetsError(f"{where}: table must be schema.name of plain letters")
    return name


def _filesystem(name: str, entry: Table, where: str) -> FilesystemTarget:
    _only(entry, {"kind", "environment", "root"}, where)
    root = PurePosixPath(_text(entry, "root", where))
    if not root.is_absolute() or ".." in root.parts or root == PurePosixPath("/"):
        raise InvalidTargetsError(f"{where}: root must be an absolute path below /")
    return FilesystemTarget(id=name, environment=_environment(entry, where), root=root)


def _sqlite(name: str, entry: Table, where: str) -> SqliteTarget:
    _only(entry, {"kind", "environment", "file"}, where)
    file = PurePosixPath(_SQLITE_URL.sub("", _text(entry, "file", where)))
    if not file.is_absolute() or ".." in file.parts or file.name.endswith(_BESIDE):
        raise InvalidTargetsError(
            f"{where}: file must be the absolute path of a database; as a URL it begins with sqlite:////"
        )
    return SqliteTarget(id=name, environment=_environment(entry, where), file=file)


def _command(name: str, entry: Table, where: str) -> CommandTarget:
    _only(entry, {"kind", "environment", "allow", "variables"}, where)
    allow = entry.get("allow")
    if not isinstance(allow, list) or not allow or not all(map(_is_command, allow)):
        raise InvalidTargetsError(
            f"{where}: allow must list commands as lists of words, each beginning with an absolute path"
        )
    return CommandTarget(
        id=name,
        environment=_environment(entry, where),
        allow=tuple(map(tuple, allow)),
        variables=_variables(entry, where),
    )


def _variables(entry: Table, where: str) -> frozenset[str]:
    """Return the variables that may hold secrets; never one that changes what is run."""
    names = entry.get("variables", [])
    if not isinstance(names, list) or not all(
        isinstance(name, str) and _VARIABLE.fullmatch(name) and not _STEERING.match(name)
        for name in names
    ):
        raise InvalidTargetsError(
            f"{where}: variables must list names of A-Z 0-9 _ that do not change what is run"
        )
    return frozenset(names)


def _memory(name: str, entry: Table, where: str) -> MemoryTarget:
    _only(entry, {"kind", "environment", "processes", "pid_files"}, where)
    processes, files = entry.get("processes", []), entry.get("pid_files", [])
    if not isinstance(processes, list) or not all(map(_are_words, processes)):
        raise InvalidTargetsError(f"{where}: processes must list processes as lists of words")
    if not isinstance(files, list) or not all(_are_words([each]) for each in files):
        raise InvalidTargetsError(f"{where}: pid_files must list files")
    paths = tuple(map(PurePosixPath, files))
    if not all(path.is_absolute() and ".." not in path.parts for path in paths):
        raise InvalidTargetsError(f"{where}: pid_files must be absolute paths")
    if not processes and not files:
        raise InvalidTargetsError(f"{where}: it lists neither processes nor pid_files")
    environment = _environment(entry, where)
    return MemoryTarget(name, environment, tuple(map(tuple, processes)), paths)


def _is_command(words: object) -> bool:
    return isinstance(words, list) and _are_words(words) and words[0].startswith("/")


def _are_words(words: object) -> bool:
    return (
        isinstance(words, list)
        and bool(words)
        and all(isinstance(word, str) and word and "\x00" not in word for word in words)
    )


def _login(entry: Table, key: str, target: str, where: str) -> Login:
    table = _table(entry, key, where)
    _only(table, {"user", "password_file", "secret"}, f"{where}.{key}")
    file = PurePosixPath(_text(table, "password_file", f"{where}.{key}"))
    if not file.is_absolute():
        raise InvalidTargetsError(f"{where}.{key}: password_file must be an absolute path")
    user, is_own = _text(table, "user", f"{where}.{key}"), "secret" not in table
    secret = f"{target}.{key}" if is_own else _text(table, "secret", f"{where}.{key}")
    if not _ID.fullmatch(secret) or secret == _OWN:
        raise InvalidTargetsError(
            f"{where}.{key}: give it a secret = name of at most 128 of A-Z a-z 0-9 . _ : -, not own"
        )
    return Login(user, file, secret, is_own)


def _tls(entry: Table, host: str, where: str) -> str:
    """Return how to talk: over a network only to a server that proves who it is, unless said."""
    tls = entry.get("tls", "prefer" if host in LOOPBACK else "verify-full")
    if tls not in _TLS:
        raise InvalidTargetsError(f"{where}: tls must be one of {', '.join(_TLS)}")
    return str(tls)


def _port(entry: Table, where: str) -> int:
    port = entry.get("port", 5432)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:  # noqa: PLR2004 - the range of ports
        raise InvalidTargetsError(f"{where}: port must be between 1 and 65535")
    return port


def _environment(entry: Table, where: str) -> str:
    environment = _text(entry, "environment", where)
    if not _ID.fullmatch(environment):
        raise InvalidTargetsError(f"{where}: environment is not an id")
    return environment


def _text(entry: Table, key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value or "\x00" in value:
        raise InvalidTargetsError(f"{where}: {key} must be a text")
    return value


def _table(entry: Table, key: str, where: str = "the file") -> Table:
    value = entry.get(key, {})
    if not isinstance(value, dict):
        raise InvalidTargetsError(f"{where}: {key} must be a table")
    return value


def _only(entry: Table, known: set[str], where: str) -> None:
    unknown = sorted(entry.keys() - known)
    if unknown:
        raise InvalidTargetsError(f"{where}: unknown key {unknown[0]}")
