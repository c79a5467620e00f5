"""What an error says reaches a parameter only as a typed value within bounds."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.intent.domain.document import parse_playbook
from grace.intent.domain.extraction import ExtractionError, resolve
from grace.intent.domain.playbook import Playbook, PlaybookError

TEXT = """\
playbook: mend-it
version: 1
trigger:
  condition: kind == "thing.broken"
extract:
  count: {from: details.found.count, type: integer, at_least: 0, at_most: 100}
  share: {from: details.share, type: number, at_least: 0.1, at_most: 1}
  hard: {from: details.hard, type: boolean}
  level: {from: details.level, type: word, one_of: [low, high]}
steps:
  - action:
      operation: thing.mend
      params: {n: {extract: count}, all: [{extract: share}, {extract: hard}], of: {registry: target}, at: {extract: level}}
    measurement: {operation: thing.look, params: {n: 1}}
    expectations:
      - {field: cracks, comparison: at_most, value: 0}
"""
GOOD = {"found": {"count": 7.0}, "share": 0.5, "hard": True, "level": "low"}
HOSTILE = [
    "7; DROP TABLE users", "$(reboot)", "{{7*7}}", "${jndi:ldap://x}", '{"extract": "level"}', "\x00", "7\n", "--", "../..",
    "low ", "LOW", "low\u200b", "true", "1e999", "NaN", "0x7", "\u0667", None, [], {}, [7], {"count": 7}, 1e308, -1, 101, 7.5, True,
]  # fmt: skip


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    """A playbook that takes four values out of an error."""
    return parse_playbook(TEXT.encode())


def _params(playbook: Playbook, details: object, target: str = "t-1") -> object:
    (step,) = resolve(playbook, json.dumps(details), target).steps
    return json.loads(step.action.params)


def test_typed_values_and_the_registered_target_are_filled_in(playbook: Playbook) -> None:
    filled = resolve(playbook, json.dumps(GOOD), "t-1").steps[0]
    assert filled.action.params == '{"all":[0.5,true],"at":"low","n":7,"of":"t-1"}'
    assert filled.measurement.params == '{"n":1}'
    assert playbook.steps[0].action.params != filled.action.params


@pytest.mark.parametrize(
    ("field", "hostile"),
    [
        (field, hostile)
        for field in ("count", "share", "hard", "level")
        for hostile in HOSTILE
        if not (field == "hard" and hostile is True)
    ],
)
def test_hostile_evidence_is_refused_and_never_repeated(
    playbook: Playbook, field: str, hostile: object
) -> None:
    details = GOOD | ({"found": {"count": hostile}} if field == "count" else {field: hostile})
    with pytest.raises(ExtractionError) as refused:
        _params(playbook, details)
    said = str(refused.value)
    assert said.startswith("details.")
    assert "has to be" in said
    assert not (isinstance(hostile, str) and len(hostile) > 5 and hostile in said)


@pytest.mark.parametrize("details", [None, "", "[1", '"text"', "[]", "{}", '{"found": []}'])
def test_no_evidence_is_refused_with_what_is_needed(
    playbook: Playbook, details: str | None
) -> None:
    with pytest.raises(ExtractionError, match=r"found\.count has to be a whole number of 0 to 100"):
        resolve(playbook, details, "t-1")


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100)
@given(_JSON, _JSON, _JSON, _JSON)
def test_whatever_an_error_says_a_parameter_is_one_of_what_was_allowed(
    playbook: Playbook, count: object, share: object, hard: object, level: object
) -> None:
    details = {"found": {"count": count}, "share": share, "hard": hard, "level": level}
    try:
        filled = _params(playbook, details)
    except ExtractionError:
        return
    assert isinstance(filled, dict)
    assert type(filled["n"]) is int
    assert 0 <= filled["n"] <= 100
    assert 0.1 <= filled["all"][0] <= 1
    assert type(filled["all"][1]) is bool
    assert filled["at"] in {"low", "high"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{extract: count}", "{extract: cuont}", "line 13: playbook.steps[0].action.params: extract: unknown cuont; did you mean count"),
        ("{registry: target}", "{registry: shop}", "line 13: playbook.steps[0].action.params: registry: unknown shop; known are target"),
        ("from: details.share", "from: message", "line 7: playbook.extract.share.from: details and the keys"),
        ("from: details.share", "from: details", "line 7: playbook.extract.share.from: details and the keys"),
        ("type: boolean", "type: text", "line 8: playbook.extract.hard.type: unknown text"),
        (", at_most: 100", "", "line 6: playbook.extract.count.at_most: a finite number is needed"),
        (", one_of: [low, high]", "", "line 9: playbook.extract.level.one_of: a list of 1 to 100"),
        ("one_of: [low, high]", "one_of: [low, 'a b']", "line 9: playbook.extract.level.one_of: words of"),
        ('== "thing', "== thing", "line 4: playbook.trigger.condition"),
        ("field: cracks", "feild: cracks", "line 16: playbook.steps[0].expectations[0]: unknown feild; did you mean field?"),
    ],
)  # fmt: skip
def test_a_wrong_playbook_is_refused_with_its_line(old: str, new: str, complaint: str) -> None:
    assert old in TEXT
    with pytest.raises(PlaybookError) as refused:
        parse_playbook(TEXT.replace(old, new, 1).encode())
    assert complaint in str(refused.value)
