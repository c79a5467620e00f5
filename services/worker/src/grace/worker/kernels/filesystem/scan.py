"""Walks a tree below a root: bounded, without following links, without leaving the device."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from stat import S_ISDIR, S_ISREG
from typing import Annotated

from pydantic import AfterValidator, Field

from grace.worker.domain.failure import BlockedError
from grace.worker.kernels.filesystem.beneath import DIRECTORY, closing, parts_of
from grace.worker.kernels.filesystem.quarantine import FOLDER
from grace.worker.kernels.filesystem.threads import Stop

# A tree with more entries is not looked through within an operation's timeout.
MAX_ENTRIES = 500_000
MAX_DEPTH = 64
MAX_SKIPPED = 50  # examples are enough: the state is stored and sent


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder; `path` is relative to the root."""

    path: tuple[str, ...]
    stat: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a real folder, not a link to one."""
        return S_ISDIR(self.stat.st_mode)

    @property
    def is_plain_file(self) -> bool:
        """Whether it is a regular file under this one name."""
        return S_ISREG(self.stat.st_mode) and self.stat.st_nlink == 1


Enter = Callable[[Entry, int], bool]


class Scan:
    """One walk, with what it had to leave out."""

    def __init__(self, stop: Stop) -> None:
        """Begin with nothing seen. `is_whole`: no folder was closed to it."""
        self._stop = stop
        self._seen = 0
        self.is_whole = True
        self.skipped: list[tuple[str, str]] = []

    def entries(self, folder: int, path: tuple[str, ...]) -> list[Entry]:
        """Return what lies in one folder, by name; BlockedError when the walk gets too large."""
        with os.scandir(folder) as names:
            found = [self._entry(folder, (*path, name.name)) for name in names]
        return sorted((each for each in found if each), key=lambda entry: entry.path)

    def walk(self, folder: int, path: tuple[str, ...], enter: Enter) -> Iterator[Entry]:
        """Yield every entry, a folder before what it holds; `enter` says which to go into."""
        device = os.fstat(folder).st_dev
        for entry in self.entries(folder, path):
            if entry.path == (FOLDER,):
                continue
            yield entry
            if entry.is_folder and self._may_enter(entry, device):
                yield from self._inside(folder, entry, enter)

    def skip(self, entry: Entry, reason: str) -> None:
        """Note what is left alone, and why."""
        if len(self.skipped) < MAX_SKIPPED:
            self.skipped.append((shown(entry.path), reason))

    def number(self, counted: int) -> int | None:
        """Return a number, or None where a part of the tree could not be looked at.

        What is in there is not nothing: a count without it would hold for anything.
        """
        return counted if self.is_whole else None

    def _miss(self, entry: Entry, reason: str) -> None:
        self.is_whole = False
        self.skip(entry, reason)

    def _inside(self, folder: int, entry: Entry, enter: Enter) -> Iterator[Entry]:
        try:
            inner = os.open(entry.path[-1], DIRECTORY, dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError as error:
            self._miss(entry, str(error.strerror).lower())
            return
        with closing(inner):
            if enter(entry, inner):
                yield from self.walk(inner, entry.path, enter)

    def _entry(self, folder: int, path: tuple[str, ...]) -> Entry | None:
        self._stop.check()
        self._seen += 1
        if self._seen > MAX_ENTRIES:
            raise BlockedError(f"more than {MAX_ENTRIES} entries below the path")
        try:
            return Entry(path, os.stat(path[-1], dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def _may_enter(self, entry: Entry, device: int) -> bool:
        if entry.stat.st_dev != device:
            self.skip(entry, "on another device")
        elif len(entry.path) > MAX_DEPTH:
            self._miss(entry, "too deep")
        else:
            return True
        return False


def parts_outside_quarantine(path: str) -> tuple[str, ...]:
    """Return a path's components; BlockedError below the quarantine too."""
    parts = parts_of(path)
    if parts[:1] == (FOLDER,):
        raise BlockedError("the quarantine is no place to work in")
    return parts


def _check_path(path: str) -> str:
    try:
        parts_outside_quarantine(path)
    except BlockedError:
        raise ValueError("not a path below the root") from None
    return path


# Refused when planned already; the kernel asks again when it opens it.
RelativePath = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_check_path)]


def shown(path: tuple[str, ...]) -> str:
    """Return a path as text; bytes that are no UTF-8 are written as escapes."""
    return "/".join(path).encode("utf-8", "backslashreplace").decode()
