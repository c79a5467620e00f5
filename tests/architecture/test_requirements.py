"""Every row of the requirements is asserted by a test, or says why it is not. The rest only shrinks."""

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .tree import ROOT, functions, parsed, told

HERE = Path(__file__).parent
IDS = (HERE / "requirement_ids.txt").read_text(encoding="utf-8").split()
TABLE: dict[str, Any] = tomllib.loads((HERE / "requirements.toml").read_text(encoding="utf-8"))
COVERED: dict[str, list[str]] = TABLE["covered"]
UNCOVERED: dict[str, str] = TABLE["uncovered"]
FEWEST_WORDS = 3  # "not built" alone tells nobody where


def missing(node: str) -> str | None:
    """Why `path::function` names no test; None where it does."""
    name, _, function = node.partition("::")
    path = ROOT / name
    if not path.is_file():
        return f"{node}: there is no such file"
    if not path.name.startswith("test_") or not function.rpartition(".")[2].startswith("test_"):
        return f"{node}: this is no test"
    known = {found for found, _ in functions(parsed(path))}
    return None if function in known else f"{node}: the file has no such test"


def test_every_row_is_in_the_table_once() -> None:
    assert len(IDS) == len(set(IDS))
    lost = set(IDS) - COVERED.keys() - UNCOVERED.keys()
    assert not lost, told("name a test that asserts it, or the reason why none does", sorted(lost))
    twice = COVERED.keys() & UNCOVERED.keys()
    assert not twice, told("it is asserted or it is not: delete one of the two", sorted(twice))


def test_the_table_names_no_row_that_does_not_exist() -> None:
    strange = (COVERED.keys() | UNCOVERED.keys()) - set(IDS)
    assert not strange, told(
        "requirement_ids.txt does not know it; rows are never renamed", strange
    )


def test_every_row_that_is_covered_names_tests_that_exist() -> None:
    empty = sorted(row for row, nodes in COVERED.items() if not nodes)
    assert not empty, told("covered by nothing: move it to [uncovered] with the reason", empty)
    bad = [f"{row}: {why}" for row, nodes in COVERED.items() for n in nodes if (why := missing(n))]
    assert not bad, told(
        "a test was renamed or deleted: name the one that asserts the row now", bad
    )


def test_every_row_that_is_not_covered_says_why() -> None:
    silent = sorted(row for row, reason in UNCOVERED.items() if len(reason.split()) < FEWEST_WORDS)
    assert not silent, told("say what is missing, and in which room", silent)


def test_the_rows_without_a_test_only_become_fewer() -> None:
    most, found = TABLE["most_uncovered"], len(UNCOVERED)
    assert found <= most, (
        f"{found} rows without a test, {most} were allowed: this number never rises"
    )
    assert found == most, f"{found} rows are left: write most_uncovered = {found} into the table"


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ("tests/none.py::test_x", "no such file"),
        ("tests/architecture/test_requirements.py::test_nothing", "no such test"),
        ("tests/architecture/test_requirements.py::missing", "no test"),
        ("tests/architecture/tree.py::words", "no test"),
    ],
)
def test_a_node_that_is_no_test_is_seen(node: str, why: str) -> None:
    assert why in str(missing(node))


def test_a_test_inside_a_class_is_found() -> None:
    names = [name for name, _ in functions(ast.parse("class TestA:\n def test_b(self): ..."))]
    assert names == ["TestA.test_b"]
