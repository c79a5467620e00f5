"""What a target stands for: who approves an action approves it there, not wherever its name leads later."""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import assert_never

from grace.worker.domain.state import digest
from grace.worker.domain.targets import (
    LOOPBACK,
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


def doubled(targets: Iterable[Target]) -> list[str]:
    """Return a line for each place that several names stand for: a hold on one does not keep the others away."""
    names: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for target in targets:
        if (where := _held(target)) is not None:
            names[(target.kind, *where)].append(target.id)
    return [
        f"the targets {' and '.join(sorted(each))} stand for one {kind}, and two plans may act on it at once: keep one"
        for (kind, *_), each in sorted(names.items(), key=lambda one: one[1])
        if len(each) > 1
    ]


def _held(target: Target) -> tuple[object, ...] | None:
    """Return what a hold is meant to keep others off, whoever connects to it and how."""
    match target:
        case PostgresTarget():
            name = target.host.lower().rstrip(".")
            host = "localhost" if name in LOOPBACK else name
            return (host, target.port, target.database, target.table)
        case FilesystemTarget():
            return (target.root,)
        case SqliteTarget():
            return (target.file,)
        case CommandTarget() | MemoryTarget():
            return None  # nothing is changed there
    assert_never(target)


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
