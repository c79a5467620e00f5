"""The files of this repository as the architecture tests read them."""

import ast
import gc
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_SHOWN = frozenset({".ci", ".github", ".gitignore"})
_MADE = frozenset({"__pycache__", "build", "dist", "htmlcov", "node_modules", "uv.lock"})


def services() -> list[str]:
    """The names of the services: the folders that hold one, finished or not."""
    return sorted(path.name for path in (ROOT / "services").iterdir() if (path / "src").is_dir())


def package(service: str) -> Path:
    return ROOT / "services" / service / "src" / "grace" / service


def members() -> list[Path]:
    """The folders of the workspace: each has its own pyproject.toml."""
    return sorted(path.parent for path in ROOT.glob("[ls]*/*/pyproject.toml"))


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository: nothing hidden, nothing made by a tool."""
    return tuple(sorted(_walk(ROOT)))


def python_files(*tops: str) -> list[Path]:
    """The Python files below these folders; all of them without any."""
    found = [path for path in files() if path.suffix == ".py"]
    return [path for path in found if not tops or name_of(path).split("/")[0] in tops]


def sources() -> list[Path]:
    """The Python files of services and libraries, without their tests and migrations."""
    return [path for path in python_files("libs", "services") if "src" in path.parts]


def name_of(path: Path) -> str:
    """A path as people write it: from the root, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """A file as a tree. It stays: to look through all of them for garbage takes longer than to read them."""
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))
    finally:
        gc.freeze()
        gc.enable()


@cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Every node of a tree: many rules ask for those of the same file."""
    return tuple(ast.walk(tree))


def written(node: ast.AST) -> str:
    """A name as it is written, dots and all; anything else as Python would write it."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=whose, attr=name):
            return f"{written(whose)}.{name}"
        case _:
            return ast.unparse(node)


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every function with its qualified name: `Class.method`, `outer.inner`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield name, node
            yield from functions(node, f"{name}.")
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from functions(node, prefix)  # no expression holds a function with a name


def words(name: str) -> list[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+", name)]


def told(reason: str, found: Iterable[object]) -> str:
    """The message of a failure: why the rule is there and what to do, then every place."""
    return "\n  ".join([reason, *(str(each) for each in found)])


def by_file(found: Mapping[str, object]) -> list[str]:
    return [f"{name}: {_listed(said)}" for name, said in sorted(found.items())]


def _listed(said: object) -> str:
    return ", ".join(sorted(map(str, said))) if isinstance(said, set | list) else str(said)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if _is_foreign(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _is_foreign(name: str) -> bool:
    hidden = name.startswith(".") and name not in _SHOWN
    return hidden or name in _MADE or name.endswith((".egg-info", ".pyc", ".nk"))
