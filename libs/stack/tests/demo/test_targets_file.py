"""Entries of the targets file come and go, and the others stay."""

import stat
import tomllib
from pathlib import Path

import pytest

from grace.stack.demo import targets_file
from grace.stack.errors import StackError

OTHERS = """\
# Mine.
[targets.files]
kind = "filesystem"
root = "/srv/files"   # not the shop's

[targets."orders.db"]
kind = "postgres"
[targets."orders.db".act]
user = "a"
"""
ENTRY: targets_file.Entry = {"kind": "postgres", "port": 1, "act": {"user": 'with "quotes" \\ ü'}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "targets.toml"


def read(file: Path) -> dict[str, object]:
    targets: dict[str, object] = tomllib.loads(file.read_text(encoding="utf-8"))["targets"]
    return targets


def test_an_entry_is_read_back_as_it_was_given(file: Path) -> None:
    targets_file.register(file, "shop-db", ENTRY)
    assert read(file) == {"shop-db": ENTRY}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_lines_of_others_stay_to_the_letter(file: Path) -> None:
    file.write_text(OTHERS, encoding="utf-8")
    targets_file.register(file, "shop-db", ENTRY)
    assert file.read_text(encoding="utf-8").startswith(OTHERS)
    assert read(file)["shop-db"] == ENTRY


def test_registering_again_replaces_the_entry(file: Path) -> None:
    file.write_text(OTHERS, encoding="utf-8")
    targets_file.register(file, "shop-db", {**ENTRY, "port": 7})
    once = file.read_text(encoding="utf-8")
    targets_file.register(file, "shop-db", {**ENTRY, "port": 7})
    assert file.read_text(encoding="utf-8") == once


def test_a_forgotten_entry_leaves_nothing(file: Path) -> None:
    file.write_text(OTHERS, encoding="utf-8")
    targets_file.register(file, "shop-db", ENTRY)
    targets_file.forget(file, "shop-db")
    assert file.read_text(encoding="utf-8") == OTHERS


def test_an_entry_in_the_middle_is_taken_out_whole(file: Path) -> None:
    text = '[targets.shop-db]\nkind = "postgres"\n[targets.shop-db.act]\nuser = "x"\n\n'
    file.write_text(text + OTHERS, encoding="utf-8")
    before = tomllib.loads(OTHERS)["targets"]
    targets_file.forget(file, "shop-db")
    assert read(file) == before


def test_a_file_that_is_no_toml_is_left_alone(file: Path) -> None:
    file.write_text("[targets", encoding="utf-8")
    with pytest.raises(StackError, match="correct it or delete it"):
        targets_file.register(file, "shop-db", ENTRY)
    assert file.read_text(encoding="utf-8") == "[targets"


def test_a_file_in_another_spelling_loses_nothing(file: Path) -> None:
    text = '[targets]\nshop-db = {kind = "postgres"}\n'
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StackError):
        targets_file.register(file, "shop-db", ENTRY)
    assert file.read_text(encoding="utf-8") == text
    assert list(file.parent.iterdir()) == [file]
