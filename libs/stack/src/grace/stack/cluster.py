"""A Postgres cluster on disk: made once and whole, and free of what a crash left behind."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from grace.stack.errors import StackError
from grace.stack.leftovers import end_leftover
from grace.stack.placement import Placement
from grace.stack.processes import RunAs

SUPERUSER = "grace_admin"
_INITDB_SECONDS = 120.0
_STATUS_LINE = 7  # of postmaster.pid: what pg_ctl reads, too


def create(placement: Placement, password: str) -> None:
    """Make the cluster unless it is there; a crash in between leaves none behind.

    Raises StackError with initdb's last line.
    """
    cluster = placement.cluster
    if (cluster / "PG_VERSION").is_file():
        return
    draft = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    _give(draft, placement)
    _initdb(draft, placement, password)
    with suppress(FileNotFoundError):
        cluster.rmdir()
    draft.rename(cluster)


def status(cluster: Path) -> tuple[int, str] | None:
    """Return the postmaster's pid and state ("ready", "starting" ..) as it wrote them down."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return int(lines[0]), lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""
    except (OSError, ValueError, IndexError):
        return None


def clear_leftover(cluster: Path) -> None:
    """End the postmaster that a killed Grace left behind, and forget one that is dead.

    The caller holds the data directory's lock, so whoever runs on the cluster is a leftover.
    Raises StackError when it does not end.
    """
    found = status(cluster)
    if found is None:
        return
    end_leftover("Postgres", found[0], cluster, signal.SIGINT, signal.SIGQUIT)
    # A dead postmaster that nobody reaped keeps its pid, and Postgres would take it for alive.
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def new_password() -> str:
    """Make a password of 256 random bits."""
    return secrets.token_urlsafe(32)


def remember_password(path: Path) -> str:
    """Return the password in the file, made (mode 0600) when the file is not there yet."""
    with suppress(FileNotFoundError):
        return path.read_text(encoding="ascii").strip()
    password = new_password()
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(password)
        file.flush()
        os.fsync(handle)
    draft.rename(path)
    return password


def _initdb(draft: Path, placement: Placement, password: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=draft.parent, prefix=".password.") as file:
        file.write(password)
        file.flush()
        _give(Path(file.name), placement)
        done = subprocess.run(
            [str(placement.binaries / "initdb"), *_options(draft, Path(file.name))],
            capture_output=True,
            check=False,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_INITDB_SECONDS,
            **_run_as(placement),
        )
    if done.returncode != 0:
        message = f"initdb of {draft} failed ({reason_in(done.stderr)}): check the space and rights of that disk"
        raise StackError(message)


def reason_in(said: str) -> str:
    """The line that says why; the last one tells what was tidied up."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    why = [line for line in lines if "FATAL" in line or "error:" in line]
    return (why or lines[-1:] or ["no reason given"])[0]


def _options(draft: Path, password_file: Path) -> list[str]:
    return [
        f"--pgdata={draft}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth-local=reject",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--data-checksums",
        # For initdb itself: the server is told its own on its command line.
        "--set=shared_buffers=8MB",
        "--set=max_connections=20",
    ]


def _run_as(placement: Placement) -> RunAs:
    return placement.account.run_as if placement.account else {"cwd": "/"}


def _give(path: Path, placement: Placement) -> None:
    if placement.account is not None:
        os.chown(path, placement.account.uid, placement.account.gid)
