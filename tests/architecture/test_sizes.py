"""Files and functions that fit into a head."""

import ast
from functools import cache

import pytest

from .tree import by_file, files, functions, name_of, parsed, python_files, told

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50
KINDS = frozenset({".py", ".sql", ".proto", ".toml", ".yaml", ".yml", ".sh", ".md"})
WHERE = ("services", "libs", "proto", "deploy", "tests", "docs", "requirements")
LONG_FILES = {
    "libs/contracts/src/grace/contracts/subjects.py": "generated: the table of all subjects",
    "libs/contracts/src/grace/contracts/governance.py": "generated: approvals, people, reviews",
    "libs/contracts/src/grace/contracts/htm.py": "generated: a message and its comments each",
    "libs/contracts/src/grace/contracts/intent.py": "generated: intake, plans and what they wait for",
    "libs/contracts/src/grace/contracts/observability.py": "generated: five answers, with comments",
    "libs/contracts/src/grace/contracts/verification.py": "generated: contracts and their parts",
}
LONG_FUNCTIONS: dict[str, str] = {}


def long_files() -> dict[str, int]:
    paths = [path for path in files() if path.suffix in KINDS and name_of(path).startswith(WHERE)]
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE}


def long_functions(tree: ast.AST) -> dict[str, int]:
    lengths = {name: node.end_lineno - node.lineno + 1 for name, node in functions(tree)}  # type: ignore[attr-defined]
    return {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION}


@cache
def all_long_functions() -> dict[str, int]:
    return {
        f"{name_of(path)}:{function}": lines
        for path in python_files(*WHERE)
        for function, lines in long_functions(parsed(path)).items()
    }


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    found = {name: lines for name, lines in long_files().items() if name not in LONG_FILES}
    assert not found, told(
        f"more than {MOST_LINES_OF_A_FILE} lines: split it by noun, a folder in place of the file",
        by_file(found),
    )


def test_no_function_is_longer_than_a_screen() -> None:
    found = {k: lines for k, lines in all_long_functions().items() if k not in LONG_FUNCTIONS}
    assert not found, told(
        f"more than {MOST_LINES_OF_A_FUNCTION} lines: give the parts names; ten lines are the aim",
        by_file(found),
    )


def test_every_exception_from_the_sizes_is_needed() -> None:
    needed = long_files().keys() | all_long_functions().keys()
    unneeded = sorted((LONG_FILES.keys() | LONG_FUNCTIONS.keys()) - needed)
    assert not unneeded, told(
        "no longer needed: take it off the list, which may only get shorter", unneeded
    )


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_long_function_is_seen_even_inside_another(kind: str) -> None:
    inner = f"    {kind} inner():\n" + "        x = 1\n" * MOST_LINES_OF_A_FUNCTION
    assert set(long_functions(ast.parse(f"class A:\n{inner}"))) == {"A.inner"}
    assert set(long_functions(ast.parse(f"def outer():\n{inner}"))) == {"outer", "outer.inner"}
