"""Writes one entry of Grace's targets file and leaves every other line as it is."""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from grace.stack.errors import StackError

Entry: TypeAlias = Mapping[str, "str | int | Mapping[str, str]"]

_HEADER = re.compile(r"""^\s*\[+\s*targets\s*\.\s*["']?(?P<id>[A-Za-z0-9_:-]+)["']?\s*[.\]]""")


def register(file: Path, target: str, entry: Entry) -> None:
    """Put the target's entry in, in place of an older one. StackError when that cannot be done."""
    _rewrite(file, target, _sections(target, entry))


def forget(file: Path, target: str) -> None:
    """Take the target's entry out; nothing happens when there is none."""
    _rewrite(file, target, "")


def _rewrite(file: Path, target: str, sections: str) -> None:
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        changed = (_without(text, target) + sections).lstrip("\n")
        _check(text, changed, target)
        _replace(file, changed)
    except (OSError, tomllib.TOMLDecodeError) as failure:
        raise StackError(f"{file} cannot be used ({failure}): correct it or delete it") from failure


def _sections(target: str, entry: Entry) -> str:
    plain = [f"{key} = {_toml(v)}" for key, v in entry.items() if isinstance(v, str | int)]
    lines = ["", f"[targets.{target}]", *plain]
    for key, table in entry.items():
        if isinstance(table, Mapping):
            lines += [f"[targets.{target}.{key}]"]
            lines += [f"{name} = {_toml(value)}" for name, value in table.items()]
    return "\n".join(lines) + "\n"


def _toml(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)  # of texts and numbers the spelling is the same


def _without(text: str, target: str) -> str:
    """Drop the sections of one target, from each header to the next."""
    kept, dropping = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            header = _HEADER.match(line)
            dropping = header is not None and header["id"] == target
        if not dropping:
            kept.append(line)
    return "\n".join(kept).rstrip("\n") + "\n" if kept else ""


def _check(before: str, after: str, target: str) -> None:
    """Make sure that the others' entries say what they said."""
    old, new = (tomllib.loads(text).get("targets", {}) for text in (before, after))
    if _others(old, target) != _others(new, target):
        raise StackError(f"the targets file is written in a way that loses entries beside {target}")


def _others(targets: dict[str, object], target: str) -> dict[str, object]:
    return {name: entry for name, entry in targets.items() if name != target}


def _replace(file: Path, text: str) -> None:
    """Swap the whole file at once: a worker may read it at any moment. Its mode is 0600."""
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
