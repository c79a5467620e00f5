"""What a target stands for: who approves an action approves it there, not wherever its name leads later."""

import json
from functools import lru_cache
from typing import assert_never

from grace.worker.domain.state import digest
from grace.worker.domain.targets import (
    CommandTarget,
    FilesystemTarget,
    MemoryTarget,
    PostgresTarget,
    SqliteTarget,
    Target,
)


@lru_cache(maxsize=4096)
def definition_of(target: Target) -> str:
    """Return the hash of what makes a target this one and no other.

    Where its passwords lie is not part of it: they may be changed while a plan waits.
    """
    return digest(json.dumps([target.kind, target.environment, *_place(target)]))


def _place(target: Target) -> tuple[str | int | None, ...]:
    match target:
        case PostgresTarget():
            logins = (target.act.user, target.observe.user)
            where = (target.host, target.port, target.database, target.table)
            return (*where, target.tls, *logins)
        case FilesystemTarget():
            return (str(target.root),)
        case SqliteTarget():
            return (str(target.file),)
        case CommandTarget() | MemoryTarget():
            return ()  # what is run or looked at is in the parameters, word for word
    assert_never(target)
