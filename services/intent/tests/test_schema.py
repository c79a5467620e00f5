"""The JSON Schema of playbooks allows what the reader takes, and forbids what is not a playbook."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

import grace.intent.domain
from grace.intent.domain.document import parse_playbook
from grace.intent.domain.playbook import PlaybookError

FOLDER = Path(grace.intent.domain.__file__).parents[1] / "playbooks"
SCHEMA = json.loads((FOLDER / "playbook.schema.json").read_text())
FULL = """\
playbook: mend-it
version: 2
enabled: false
description: All there is.
trigger:
  condition: kind == "thing.broken"
  priority: 3
  cooldown: 10m
  flap: {count: 5, within: 1h}
  accumulate: {count: 3, within: 30s}
  group_by: [target, source]
extract:
  n: {from: details.n, type: integer, at_least: 0, at_most: 9}
  w: {from: details.w, type: word, one_of: [a, b]}
steps:
  - action: {operation: thing.mend, params: {n: {extract: n}}}
    measurement: {operation: thing.look, params: {}}
    expectations: [{field: cracks, comparison: at_most, value: 0}]
"""


def _allows(text: str) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text)))


def _takes(text: str) -> bool:
    try:
        parse_playbook(text.encode())
    except PlaybookError:
        return False
    return True


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_playbook_is_allowed(file: Path) -> None:
    assert _allows(file.read_text())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("playbook: mend-it\n", ""), ("version: 2", "version: 0"), ("version: 2", "version: two"),
        ("enabled: false", "enabled: maybe"), ("priority: 3", "priority: -1"), ("10m", "10 minutes"), ("10m", "0m"),
        ("count: 5", "count: 1"), ("within: 1h", "wihtin: 1h"), ("[target, source]", "[source]"),
        ("[target, source]", "[target, message]"), ("[target, source]", "[target, target]"), ("details.n", "message"),
        ("type: integer", "type: text"), (", at_most: 9", ""), ("one_of: [a, b]", "one_of: []"), ("[a, b]", "['a b']"),
        ("operation: thing.mend", "operation: thing mend"), ("params: {}", "params: []"), ("comparison: at_most", "comparison: most"),
        ("value: 0", "value: zero"), ("expectations: [{field: cracks, comparison: at_most, value: 0}]", "expectations: []"),
        ("steps:", "step:"), ("condition:", "when:"),
    ],
)  # fmt: skip
def test_schema_and_reader_agree_on_what_is_wrong(old: str, new: str) -> None:
    assert old in FULL
    wrong = FULL.replace(old, new, 1)
    assert (_allows(wrong), _takes(wrong)) == (False, False)


def test_schema_and_reader_agree_on_what_is_right() -> None:
    assert (_allows(FULL), _takes(FULL)) == (True, True)
