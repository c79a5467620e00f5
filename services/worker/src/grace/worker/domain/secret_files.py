"""The named secrets that parameters may refer to, and in which file each lies."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import PurePosixPath

from grace.worker.domain.targets import InvalidTargetsError, Login, PostgresTarget, Target

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_OWN = "own"  # in consents: what a target's entry holds without a name


def secret_files(text: str, targets: Iterable[Target]) -> dict[str, PurePosixPath]:
    """Return the file of each secret by its name: those of `[secrets.NAME]`, and named credentials.

    A name under which credentials of two targets lie in two files means neither of them here.
    """
    named = tomllib.loads(text).get("secrets", {})
    if not isinstance(named, dict):
        raise InvalidTargetsError("secrets is not a table: write [secrets.<name>]")
    found = _of_logins(targets)
    for name, entry in named.items():
        file = _file(name, entry)
        if found.get(name, {file}) != {file}:
            raise InvalidTargetsError(f"secrets.{name}: a target's credentials have that name")
        found[name] = {file}
    return {name: min(files) for name, files in found.items() if len(files) == 1}


def _file(name: str, entry: object) -> PurePosixPath:
    where = f"secrets.{name}"
    if not _NAME.fullmatch(name) or name == _OWN:
        raise InvalidTargetsError(f"{where}: not a name (A-Z a-z 0-9 . _ : -, not own)")
    if not isinstance(entry, dict) or set(entry) != {"file"} or not isinstance(entry["file"], str):
        raise InvalidTargetsError(f'{where}: give it a file = "/path", and nothing else')
    file = PurePosixPath(entry["file"])
    if not file.is_absolute() or "\x00" in entry["file"]:
        raise InvalidTargetsError(f"{where}: file must be an absolute path")
    return file


def _of_logins(targets: Iterable[Target]) -> dict[str, set[PurePosixPath]]:
    found: dict[str, set[PurePosixPath]] = {}
    for login in _logins(targets):
        if not login.is_own:
            found.setdefault(login.secret, set()).add(login.password_file)
    return found


def _logins(targets: Iterable[Target]) -> Iterable[Login]:
    for target in targets:
        if isinstance(target, PostgresTarget):
            yield from (target.act, target.observe)
