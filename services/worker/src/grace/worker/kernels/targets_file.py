"""Reads the targets file again whenever it changes."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from stat import S_IWOTH

from grace.worker.domain.failure import BlockedError, NotNowError
from grace.worker.domain.secret_files import secret_files
from grace.worker.domain.targets import InvalidTargetsError, Target, parse


class TargetsFile:
    """The registered targets. Fails closed: a file that cannot be used registers nothing."""

    def __init__(self, path: Path | None) -> None:
        """Name the file; None registers no target at all."""
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._targets: Mapping[str, Target] = {}
        self._secrets: Mapping[str, PurePosixPath] = {}

    def read(self) -> Mapping[str, Target]:
        """Return the targets by id. NotNowError while the file cannot be used."""
        if self._path is None:
            return {}
        try:
            self._refresh(self._path)
        except (OSError, ValueError) as error:
            self._seen = ()
            raise NotNowError(f"the targets file cannot be used: {error}") from error
        return self._targets

    def find(self, target: str) -> Target:
        """Return a registered target; BlockedError for any other name."""
        found = self.read().get(target)
        if found is None:
            raise BlockedError(f"{target} is not a registered target")
        return found

    def file_of(self, secret: str) -> Path | None:
        """Return where a named secret lies, or None; what it is, is read by whoever may."""
        self.read()
        found = self._secrets.get(secret)
        return None if found is None else Path(found)

    def _refresh(self, path: Path) -> None:
        stat = path.stat()
        # The size too: two writes within one tick of the clock leave the same mtime.
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen == self._seen:
            return
        if stat.st_mode & S_IWOTH:
            raise InvalidTargetsError(f"{path} is writable by everybody")
        text = path.read_text(encoding="utf-8")
        targets = parse(text)
        self._targets, self._secrets = targets, secret_files(text, targets.values())
        self._seen = seen
