"""Makes what an installation needs once: keys, passwords, and the configuration of NATS.

    python deploy/docker/prepare.py FOLDER [--store FOLDER]

A folder for each service, one for `installer`, `outside` and `postgres`, and `nats` with the
server's configuration. What is there already stays as it is: a new key would lock a service out.
"""

import argparse
import os
import secrets
import sys
from pathlib import Path

from grace.contracts.permissions import users
from grace.contracts.subjects import SERVICES
from grace.stack.errors import StackError
from grace.stack.installation import make_secret
from grace.stack.nats_config import NatsLimits, NatsPlace, UserPermissions, render
from grace.stack.nats_keys import public_key

_BYTES = 32


def main() -> int:
    """Make what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Text)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--store", type=Path, default=Path("/nats/store"), help="where NATS will keep its streams"
    )
    given = parser.parse_args()
    before = os.umask(0o077)
    try:
        prepare(given.folder, given.store)
    except (StackError, OSError) as error:
        print(f"grace: {error}", file=sys.stderr)
        return 1
    finally:
        os.umask(before)
    print(f"keys, passwords and nats.conf are in {given.folder}")
    return 0


def prepare(folder: Path, store: Path) -> None:
    """Make what is missing. StackError or OSError says what is in the way."""
    for service in SERVICES:
        _secret(folder / service / "postgres.password")
    _secret(folder / "identity" / "master.key")
    _secret(folder / "gateway" / "admin.key", prefix="grace_")
    # The server's own account reads this one; no other container is given the folder.
    _secret(folder / "postgres" / "postgres.password").chmod(0o644)
    keys = {user: public_key(_made(folder / user), "nats") for user in users()}
    _write_nats(_made(folder / "nats"), store, keys)


def _write_nats(folder: Path, store: Path, keys: dict[str, str]) -> None:
    """The server's configuration: each user may say and hear what the contracts allow it."""
    place = NatsPlace(4222, 8222, store, store.parent / "nats.pid")
    may = {
        user: UserPermissions(p.publish, p.subscribe, p.allow_responses)
        for user, p in users().items()
    }
    text = render(place, NatsLimits(), [(user, keys[user], may[user]) for user in sorted(keys)])
    draft = folder / "nats.conf.new"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / "nats.conf")


def _secret(file: Path, *, prefix: str = "") -> Path:
    _made(file.parent)
    made = make_secret(file, prefix + secrets.token_urlsafe(_BYTES))
    if not made.read_bytes().strip():
        raise StackError(f"{file} is empty: delete it, and run this again")
    return made


def _made(folder: Path) -> Path:
    # The volumes of a container are its folders already, with modes of their own.
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Text(argparse.RawDescriptionHelpFormatter):
    """Shows the module's text as it stands."""


if __name__ == "__main__":
    sys.exit(main())
