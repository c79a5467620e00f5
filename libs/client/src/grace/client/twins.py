"""Makes `grace.client.sync` from `grace.client.aio`: `python -m grace.client.twins`.

One source, two surfaces: what awaits is written once, and its twin is the same text without the
waiting. A test fails where the committed twin is not what this makes.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SOURCE, TWIN = HERE / "aio", HERE / "sync"

# In this order, on the text: every word that only asyncio knows, and what stands in its place.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"\bAsync(Iterator|Client|HTTPTransport)\b", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"from tenacity\.asyncio import AsyncRetrying", "from tenacity import Retrying"),
    (r"\bAsyncRetrying\b", "Retrying"),
    (r"from asyncio import sleep", "from time import sleep"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\ba(close|read|iter_bytes)\(", r"\1("),
    (r"grace\.client\.aio\b", "grace.client.sync"),
    (r"\bGrace\b", "SyncGrace"),
)
_ORIGIN = "# Made from grace.client.aio by grace.client.twins: do not edit.\n"


def twin_of(text: str) -> str:
    """Return the source of the twin of one module."""
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return _ORIGIN + text


def twins() -> Iterator[tuple[Path, str]]:
    """Yield each file of the twin with its text, formatted."""
    for source in sorted(SOURCE.glob("*.py")):
        target = TWIN / source.name
        yield target, _formatted(twin_of(source.read_text(encoding="utf-8")), target)


def _formatted(text: str, path: Path) -> str:
    ruff = str(Path(sys.executable).with_name("ruff"))
    # Without waiting, some loops are longer than they need to be: UP028.
    for words in (("check", "--select=I,UP028", "--fix", "--unsafe-fixes", "-q"), ("format", "-q")):
        command = [ruff, *words, f"--stdin-filename={path}", "-"]
        text = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True
        ).stdout
    return text


if __name__ == "__main__":
    TWIN.mkdir(exist_ok=True)
    for path, text in twins():
        path.write_text(text, encoding="utf-8")
