"""The operations: what each is done to, what it promises, and what the world really is."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from torture_verify.edges import Way
from torture_verify.judge import Picture
from torture_verify.target import SHOP, Shop

from grace.contracts.intent import Expectation, ExpectationComparison

FILES = "files"
_QUARANTINE = ".grace-quarantine"
_AT_MOST, _AT_LEAST = ExpectationComparison.at_most, ExpectationComparison.at_least
Look = Callable[[], Awaitable[Picture]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One operation, ready to be done. `applied` is what the world is once it is done."""

    operation: str
    target: str
    params: str
    measurement: tuple[str, str]
    promise: Expectation
    look: Look
    applied: Callable[[Picture, Picture], Picture]
    reversible: bool = True
    close: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """Where operations are done."""

    root: Path
    shop: Shop


@dataclass(frozen=True, slots=True)
class Deed:
    """An operation by name; `prepare` gets its folder's name and which way it shall go."""

    name: str
    prepare: Callable[[Stage, str, Way], Awaitable[Prepared]]
    reversible: bool = True


async def clear_pycache(stage: Stage, name: str, way: Way) -> Prepared:
    """Two caches and a source; the promise is that one file is left, or none."""
    folder = stage.root / name
    for cache in (folder / "__pycache__", folder / "sub/__pycache__"):
        cache.mkdir(parents=True)
        (cache / "a.pyc").write_bytes(os.urandom(50))
    (folder / "a.py").write_text("print()\n")
    most = 1 if way is Way.VERIFIED else 0
    return Prepared(
        "filesystem.clear_pycache", FILES, f'{{"path":"{name}"}}',
        ("filesystem.usage", f'{{"path":"{name}"}}'), _expect("files", _AT_MOST, most),
        _looking(stage, name), lambda before, _: {k: v for k, v in before.items() if "__pycache__" not in k},
    )  # fmt: skip


async def rotate_log(stage: Stage, name: str, way: Way) -> Prepared:
    """A log with content; the promise is an empty one, or one that is not there."""
    folder = stage.root / name
    folder.mkdir()
    (folder / "app.log").write_text("one\ntwo\n")
    expected = ("bytes", _AT_MOST, 0) if way is Way.VERIFIED else ("files", _AT_MOST, 0)
    path = f"{name}/app.log"
    return Prepared(
        "filesystem.rotate_log", FILES, f'{{"path":"{path}"}}',
        ("filesystem.usage", f'{{"path":"{name}"}}'), _expect(*expected),
        _looking(stage, name), lambda before, now: {**before, path: _emptied(before, now, path)},
    )  # fmt: skip


async def set_mode(stage: Stage, name: str, way: Way) -> Prepared:
    """A log that nobody may write; the promise is that it can be written, or by nobody."""
    folder = stage.root / name
    folder.mkdir()
    (folder / "app.log").write_text("one\n")
    (folder / "app.log").chmod(0o400)
    path, wanted = f"{name}/app.log", 0o640
    expected = (_AT_LEAST, wanted) if way is Way.VERIFIED else (_AT_MOST, 0)
    params = f'{{"path":"{path}","mode":"640"}}'
    return Prepared(
        "filesystem.set_mode", FILES, params,
        ("filesystem.set_mode", params), _expect("mode_bits", *expected),
        _looking(stage, name), lambda before, _: {**before, path: (_part(before, path, 0), wanted, _part(before, path, 2))},
    )  # fmt: skip


async def move_aside(stage: Stage, name: str, way: Way) -> Prepared:
    """A stale lock; the promise is that it is gone, or still there."""
    folder = stage.root / name
    folder.mkdir()
    (folder / "stale.lock").write_text("4711\n")
    path = f"{name}/stale.lock"
    comparison = _AT_MOST if way is Way.VERIFIED else _AT_LEAST
    params = f'{{"path":"{path}"}}'
    return Prepared(
        "filesystem.move_aside", FILES, params,
        ("filesystem.move_aside", params),
        _expect("present", comparison, 0 if way is Way.VERIFIED else 1),
        _looking(stage, name), lambda before, _: {k: v for k, v in before.items() if k != path},
    )  # fmt: skip


async def set_database_setting(stage: Stage, _: str, way: Way) -> Prepared:
    """A database's statement_timeout; the promise is that nobody waits, or that somebody does."""
    await stage.shop.set_timeout("9s")
    expected = (_AT_MOST, 0) if way is Way.VERIFIED else (_AT_LEAST, 1)
    return Prepared(
        operation="postgres.set_database_setting",
        target=SHOP,
        params='{"name":"statement_timeout","value":"7s"}',
        measurement=("postgres.activity", '{"seconds":1,"warmup_seconds":0}'),
        promise=_expect("waiting", *expected),
        look=stage.shop.timeout,
        applied=lambda _, __: {"statement_timeout": "7s"},
    )


async def terminate_blockers(stage: Stage, _: str, __: Way) -> Prepared:
    """A transaction that idles on a row which another one waits for; it cannot be undone."""
    scene = await stage.shop.block()
    return Prepared(
        operation="postgres.terminate_blockers",
        target=SHOP,
        params='{"min_idle_seconds":0.0}',
        measurement=("postgres.terminate_blockers", '{"min_idle_seconds":0.0}'),
        promise=_expect("waiting", _AT_MOST, 0),
        look=scene.look,
        applied=lambda _, __: {"blocker": "ended", "victim": "through"},
        reversible=False,
        close=scene.close,
    )


DEEDS: tuple[Deed, ...] = (
    Deed("set_mode", set_mode),
    Deed("move_aside", move_aside),
    Deed("rotate_log", rotate_log),
    Deed("clear_pycache", clear_pycache),
    Deed("set_database_setting", set_database_setting),
    Deed("terminate_blockers", terminate_blockers, reversible=False),
)


def _looking(stage: Stage, name: str) -> Look:
    async def look() -> Picture:
        return picture(stage.root, name)

    return look


def picture(root: Path, name: str) -> Picture:
    """Every file below a folder: which one it is, its bits and its content."""
    found: dict[str, Any] = {}
    for path in sorted((root / name).rglob("*")):
        if path.is_file():
            stat = path.stat()
            content = sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(root))] = (stat.st_ino, stat.st_mode & 0o7777, content)
    return found


def _emptied(before: Picture, now: Picture, path: str) -> object:
    """An empty file with the bits of the old one, which is another file."""
    inode = _part(now, path, 0)
    other = inode if inode != _part(before, path, 0) else "another file"
    return other, _part(before, path, 1), sha256(b"").hexdigest()


def _part(found: Picture, path: str, index: int) -> Any:
    entry = found.get(path)
    return entry[index] if isinstance(entry, tuple) else None


def _expect(field: str, comparison: ExpectationComparison, value: float) -> Expectation:
    return Expectation(field=field, comparison=comparison, value=float(value))
