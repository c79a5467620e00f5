"""The nkeys of the bus users: one seed file each, made at the first start, never replaced."""

import os
import re
from contextlib import suppress
from pathlib import Path

import nkeys

from grace.stack.errors import StackError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SEED_BYTES = 32


def seed_path(folder: Path, user: str) -> Path:
    """Return where the user's seed lies; StackError for a name that is no plain word."""
    if not _NAME.fullmatch(user):
        message = f"{user!r} cannot name a NATS user: use lower-case letters, digits, - and _"
        raise StackError(message)
    return folder / f"{user}.nk"


def public_key(folder: Path, user: str) -> str:
    """Return the user's public nkey; its seed (mode 0600) is made when it is not there yet."""
    path = seed_path(folder, user)
    if not path.exists():
        _make(path)
    try:
        key: bytes = nkeys.from_seed(path.read_bytes().strip()).public_key
    except (nkeys.NkeysError, ValueError) as failure:
        message = f"{path} holds no nkey: restore it, or delete it to give {user} a new key"
        raise StackError(message) from failure
    return key.decode("ascii")


def _make(path: Path) -> None:
    """Write a new seed whole or not at all: a crash must not leave half a key."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(nkeys.encode_seed(os.urandom(_SEED_BYTES), nkeys.PREFIX_BYTE_USER))
        file.flush()
        os.fsync(handle)
    with suppress(FileExistsError):  # whoever was first gave the user its key
        os.link(draft, path)
    draft.unlink()
