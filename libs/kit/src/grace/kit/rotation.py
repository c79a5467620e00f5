"""A log file that is set aside before it is too large: on one machine nobody else looks after it."""

from __future__ import annotations

import threading
from pathlib import Path

MOST = 64 * 1024 * 1024  # characters, about bytes, in one file
KEPT = 3  # files set aside, the newest with .1


class TurningFile:
    """Takes lines. It turns between two of them, so that none is torn."""

    def __init__(self, path: Path) -> None:
        """Append to a file, which is made where there is none. OSError where it cannot be."""
        self.path = path
        self._turning = threading.Lock()
        self._stream = path.open("a", encoding="utf-8")
        self._size = self._stream.tell()

    def write(self, text: str) -> None:
        """Take a line, or the end of one. OSError where it cannot be written."""
        with self._turning:
            if self._size >= MOST and text != "\n":
                self._turn()
            self._stream.write(text)
            self._size += len(text)

    def flush(self) -> None:
        """Let everybody see what was taken."""
        self._stream.flush()

    def close(self) -> None:
        """Take nothing more."""
        self._stream.close()

    def _turn(self) -> None:
        self._stream.close()
        try:
            for number in range(KEPT, 1, -1):
                if (older := self._aside(number - 1)).exists():
                    older.rename(self._aside(number))
            self.path.rename(self._aside(1))
        finally:
            # Whatever went wrong: lines that come now are better there than nowhere.
            self._stream = self.path.open("a", encoding="utf-8")
            self._size = 0

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
