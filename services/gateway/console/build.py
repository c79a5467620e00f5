"""Builds the web console into the gateway's package: `make console`. What is built is committed, with what it was built from."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "src" / "grace" / "gateway" / "api" / "pages"
MARK = BUILT / "sources.sha256"
_NO_SOURCES = frozenset({"node_modules", "test", "__pycache__"})


def sources() -> Iterator[Path]:
    """Everything that decides what is built, in one order."""
    for path in sorted(HERE.rglob("*")):
        parts = path.relative_to(HERE).parts
        if path.is_file() and not _NO_SOURCES & set(parts) and path != Path(__file__).resolve():
            yield path


def hash_of_sources() -> str:
    """One hash over the names and bytes of all sources."""
    found = hashlib.sha256()
    for path in sources():
        body = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(HERE).as_posix()} {body}\n".encode())
    return found.hexdigest()


def main() -> int:
    """Build, and note from what. 1 without npm, or where a step fails."""
    npm = shutil.which("npm")
    if npm is None:
        sys.stderr.write("npm is not installed: it comes with Node.js, version 20.19 or later\n")
        return 1
    for words in (["ci", "--no-fund", "--no-audit"], ["run", "build"], ["test"]):
        if subprocess.run([npm, *words], cwd=HERE, check=False).returncode:
            return 1
    MARK.write_text(hash_of_sources() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
