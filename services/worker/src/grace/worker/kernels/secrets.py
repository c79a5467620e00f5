"""The one door to a secret: a step gets the passwords that somebody consented to, and no other.

What is told of secrets that a step finds in the world are fingerprints.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from stat import S_IRWXO
from typing import TypeAlias

from grace.kit import Safe
from grace.worker.domain.failure import UnconsentedError, UnusableError
from grace.worker.domain.redaction import Mark
from grace.worker.domain.targets import Login

Reveal: TypeAlias = Callable[[Login], str]


def mark_of(safe: Safe, target: str) -> Mark:
    """Return what makes fingerprints of a target's secrets: of no use to who has not the worker's key."""
    return partial(safe.mark, place=f"redacted|{target}")


def reveal_none(login: Login) -> str:
    """Refuse: what a step is not given it does not get."""
    raise UnconsentedError(f"secret {login.secret} was not opened for this step")


def opener(secrets: frozenset[str]) -> Reveal:
    """Return what reads these secrets at the moment of use, and refuses all others."""
    return partial(_reveal, secrets)


def _reveal(secrets: frozenset[str], login: Login) -> str:
    if login.secret not in secrets:
        return reveal_none(login)
    return _password(Path(login.password_file))


def _password(path: Path) -> str:
    """Read a password; UnusableError for a file that others may read."""
    try:
        mode = path.stat().st_mode
        if mode & S_IRWXO:
            raise UnusableError(f"{path} is open to everybody: chmod o= it")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"the password file {path} cannot be read") from error
