"""What people hand in as files, and what is printed of what came from elsewhere. Pure but files."""

from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from grace.client.cli import build
from grace.client.cli.documents import read_document
from grace.client.terminal import harmless

FIELDS = ("goal", "domain", "details")


@pytest.mark.parametrize(
    "text", ["goal: mend it\ndetails: {n: 1}\n", '{"goal": "mend it", "details": {"n": 1}}']
)
def test_yaml_and_json_are_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "intent"
    file.write_text(text)
    assert read_document(file, fields=FIELDS) == {"goal": "mend it", "details": {"n": 1}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gaol: x", "did you mean 'goal'"),
        ("zzz: x", "known are goal, domain, details"),
        ("goal: a\ngoal: b", "line 2: goal is given twice"),
        ("details: {a: {b: 1, b: 2}}", "b is given twice"),
        ("details: [&a [1], *a]", "alias"),
        ("[1, 2]", "must hold fields"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("goal: [", "expected"),
        ("goal: a\ndetails: {mode: 0644}", "line 2: YAML reads this as another number: quote it"),
        ("details: {at: 22:30}", "line 1: YAML reads this as another number"),
        ("!!python/object:os.system {}", "could not determine a constructor"),
        ("[" * 100_000, "nested deeper than 64"),
    ],
)
def test_what_could_be_misread_is_refused_with_a_word(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "intent"
    file.write_text(text)
    with pytest.raises(typer.BadParameter, match=told):
        read_document(file, fields=FIELDS)


def test_dates_and_quoted_numbers_are_the_texts_that_they_look_like(tmp_path: Path) -> None:
    file = tmp_path / "intent"
    file.write_text(
        "goal: 2026-11-23\ndomain: '010'\ndetails: {at: 2026-11-23T04:00:00+01:00, n: 7}"
    )
    assert read_document(file, fields=FIELDS) == {
        "goal": "2026-11-23",
        "domain": "010",
        "details": {"at": "2026-11-23T04:00:00+01:00", "n": 7},
    }


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (1024 * 1024 + 1)])
def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "intent"
    file.write_bytes(content)
    with pytest.raises(typer.BadParameter):
        read_document(file, fields=FIELDS)
    with pytest.raises(typer.BadParameter):
        read_document(tmp_path / "none", fields=FIELDS)


@pytest.mark.parametrize("words", [("check",), ("import",), ("test", "--fixtures"), ("shadow",)])
def test_a_playbook_that_is_no_text_is_a_word_and_no_traceback(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "playbook.yaml"
    file.write_bytes(b"\xff")
    given = ["playbooks", words[0], str(file), *words[1:], *[str(file)] * len(words[1:])]
    ended = CliRunner().invoke(build(), given)
    assert (ended.exit_code, "cannot read" in ended.stderr) == (2, True)


@given(st.text())
def test_nothing_printed_can_command_a_terminal_or_hide(text: str) -> None:
    assert all(line.isprintable() for line in harmless(text).split("\n"))


def test_what_is_printable_stays_as_it_is() -> None:
    assert harmless("gr\u00fc\u00dfe, \u65e5\u672c\n") == "gr\u00fc\u00dfe, \u65e5\u672c\n"
    assert harmless("\x1b[2J\u202e\x9b") == "\\x1b[2J\\u202e\\x9b"
