"""Turns a document into the program that it prints: line n of the program is line n of the document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RUN = frozenset({"console", "bash"})
# What is looked at, or is the text of a file where a mark says so.
SHOWN = frozenset({"cedar", "json", "mermaid", "python", "text", "toml", "yaml"})
_FENCE = re.compile(r"^```(?P<language>\w*)\s*$")
_MARK = re.compile(r"^<!-- (?P<word>not run|file|slow|first terminal)(: (?P<text>.+))? -->$")
_MARKED = re.compile(r"^<!--.*-->$")
_END = "END-OF-FILE"


class UnclearBlock(Exception):
    """A fenced block says neither what it is nor why it is not run."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: `line` is that of its opening fence, counted from 1."""

    line: int
    language: str
    mark: str
    text: str
    lines: tuple[str, ...]

    @property
    def is_run(self) -> bool:
        """Whether its lines are commands for the reader's shell."""
        return self.language in RUN and self.mark in {"", "slow"}

    @property
    def is_first_terminal(self) -> bool:
        """Whether it starts Grace, in the terminal where that stays."""
        return self.mark == "first terminal"

    @property
    def is_file(self) -> bool:
        """Whether it is the text of a file that the reader makes."""
        return self.mark == "file"


def read_blocks(document: Path) -> Iterator[Block]:
    """Yield the fenced blocks in order, each with the mark in the comment above it."""
    lines = document.read_text(encoding="utf-8").splitlines()
    opened: int | None = None
    for number, line in enumerate(lines, start=1):
        if opened is not None and line == "```":
            yield _block(lines, opened, number)
            opened = None
        elif opened is None and _FENCE.match(line):
            opened = number
        elif opened is None and line.startswith("    "):
            raise UnclearBlock(f"line {number}: fence it, so that it can be run")


def _block(lines: list[str], opened: int, closed: int) -> Block:
    fence, mark = _FENCE.match(lines[opened - 1]), _MARK.match(lines[opened - 2])
    block = Block(
        line=opened,
        language=fence["language"] if fence else "",
        mark=mark["word"] if mark else "",
        text=(mark["text"] or "") if mark else "",
        lines=tuple(lines[opened : closed - 1]),
    )
    needs_text = block.mark in {"not run", "file", "slow"} and not block.text
    unmarked = block.language == "python" and block.mark not in {"file", "not run"}
    reasonless = _MARKED.match(lines[opened - 2]) and not mark
    if needs_text or unmarked or reasonless or block.language not in RUN | SHOWN:
        raise UnclearBlock(f"line {opened}: of no known language, or without its mark")
    return block


def program(document: Path, *, instead_of_slow: str | None) -> str:
    """Return the shell program of a document; a slow block may be replaced by one line."""
    lines = [""] * (len(document.read_text(encoding="utf-8").splitlines()) + 1)
    for block in read_blocks(document):
        first, last = block.line, block.line + len(block.lines)
        if block.is_file:
            lines[first - 1] = f"cat > {block.text} <<'{_END}'"
            lines[first:last] = block.lines
            lines[last] = _END
        elif block.mark == "slow" and instead_of_slow is not None:
            lines[first] = instead_of_slow
        elif block.is_run:
            lines[first:last] = block.lines
    return "\n".join(lines) + "\n"
