"""The one door to a secret: a step gets the secrets that somebody consented to, and no other.

What is told of secrets that a step finds in the world are fingerprints; what comes back of those
that it was given is their name.
"""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from stat import S_IRWXO
from typing import TypeAlias

from grace.kit import Safe
from grace.worker.domain.echo import SHORTEST, parts_of, state_without, without
from grace.worker.domain.failure import UnconsentedError, UnknownSecretError, UnusableError
from grace.worker.domain.redaction import Mark
from grace.worker.domain.state import State
from grace.worker.domain.targets import Login
from grace.worker.kernels.references import SecretRef
from grace.worker.kernels.targets_file import TargetsFile

Reveal: TypeAlias = Callable[[Login], str]
Disclose: TypeAlias = Callable[[SecretRef], str]
_LARGEST = 65_536  # bytes of a secret


class Veil:
    """Over all that one attempt tells: which secrets it was given, so that none is told."""

    def __init__(self) -> None:
        """Nothing was given yet."""
        self._known: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._known)

    def over(self, value: str, name: str) -> None:
        """Hide a value from now on."""
        self._known |= dict.fromkeys(parts_of(value), name)

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        return without(text, self._known)

    def state(self, state: State) -> State:
        """Return a state without the secrets."""
        return state_without(state, self._known)


class Door:
    """What the parameters of one attempt refer to, and the veil over what comes of it."""

    def __init__(self, targets: TargetsFile, names: Iterable[str], veil: Veil) -> None:
        """Nothing is read yet."""
        self._targets = targets
        self._names = frozenset(names)
        self._veil = veil

    def check(self, *, untouched: bool) -> None:
        """UnknownSecretError for a name that the targets file does not have."""
        for name in sorted(self._names):
            if self._targets.file_of(name) is None:
                raise UnknownSecretError(unknown(name), untouched=untouched)

    def opened(self, secrets: frozenset[str]) -> Disclose:
        """Return what reads these of its secrets at the moment of use, and refuses all others."""
        return partial(self._disclose, secrets & self._names)

    def _disclose(self, secrets: frozenset[str], wanted: SecretRef) -> str:
        file = self._targets.file_of(wanted.secret)
        if wanted.secret not in secrets or file is None:
            return disclose_none(wanted)
        value = _read(file).removesuffix("\n")
        if len(value.strip()) < SHORTEST:
            raise UnusableError(
                f"secret {wanted.secret} has fewer than {SHORTEST} characters: it could not be told"
                " from other text, and would not be hidden where it comes back"
            )
        self._veil.over(value, wanted.secret)
        return value


def unknown(name: str) -> str:
    """Say that no secret has that name, and what to do."""
    return (
        f"secret {name} is not in the targets file: name one that is, or add [secrets.{name}] with"
        " its file"
    )


def mark_of(safe: Safe, target: str) -> Mark:
    """Return what makes fingerprints of a target's secrets: of no use to who has not the worker's key."""
    return partial(safe.mark, place=f"redacted|{target}")


def reveal_none(login: Login) -> str:
    """Refuse: what a step is not given it does not get."""
    raise UnconsentedError(f"secret {login.secret} was not opened for this step")


def disclose_none(wanted: SecretRef) -> str:
    """Refuse: what a step is not given it does not get."""
    raise UnconsentedError(f"secret {wanted.secret} was not opened for this step")


def opener(secrets: frozenset[str]) -> Reveal:
    """Return what reads these secrets at the moment of use, and refuses all others."""
    return partial(_reveal, secrets)


def _reveal(secrets: frozenset[str], login: Login) -> str:
    if login.secret not in secrets:
        return reveal_none(login)
    return _read(Path(login.password_file)).strip()


def _read(path: Path) -> str:
    """Read a secret; UnusableError for a file that others may read."""
    try:
        text = _bytes_of(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"the secret's file {path} cannot be read") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")  # as every file of text is read


def _bytes_of(path: Path) -> bytes:
    """Read what was looked at and nothing that took its place. By hand: it is read for every look."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = os.fstat(file)
        if found.st_mode & S_IRWXO:
            raise UnusableError(f"{path} is open to everybody: chmod o= it")
        if found.st_size > _LARGEST:
            raise UnusableError(f"{path} has more than {_LARGEST} bytes: that is no secret")
        return os.read(file, _LARGEST)
    finally:
        os.close(file)
