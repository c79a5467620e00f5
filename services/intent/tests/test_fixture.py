"""Fixtures say what a playbook has to do about which errors, and find out where it does not."""

from collections.abc import Callable

import pytest

from grace.intent.domain.document import parse_playbook
from grace.intent.domain.fixture import parse_fixtures, problems
from grace.intent.domain.mission import Mission
from grace.intent.domain.playbook import PlaybookError

FIXTURES = """\
cases:
  - name: what is broken is mended
    error: {kind: thing.broken, target: t-1, details: {n: 3}}
    expect:
      applies: true
      steps: [{operation: thing.mend, params: {n: 3}}]
  - name: everything else is left alone
    error: {kind: thing.fine, target: t-1}
    expect: {applies: false}
  - name: too many are left alone, and it says why
    error: {kind: thing.broken, target: t-1, details: {n: 30}}
    expect: {applies: false, reason: a whole number of 0 to 9}
"""


@pytest.fixture
def text(mend_it: str) -> str:
    """A playbook that takes a number out of an error."""
    taken = "extract:\n  n: {from: details.n, type: integer, at_least: 0, at_most: 9}\nsteps:"
    return mend_it.replace("steps:", taken, 1).replace(
        '{b: 2, a: [1, null, true, "x"]}', "{n: {extract: n}}"
    )


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("", "", [[], [], []]),
        ("thing.mend", "thing.glue", [["steps[0]: thing.glue and not thing.mend"], [], []]),
        ("{extract: n}", "4", [['steps[0].params: {"n":4} and not {"n":3}'], [], []]),
        ("{extract: n}", "3.0", [['steps[0].params: {"n":3.0} and not {"n":3}'], [], []]),
        ("at_most: 9", "at_most: 99", [[], [], ["it applies and should not"]]),
        ('"thing.broken"', '"thing.odd"', [["it does not apply: its condition does not hold"], [],
         ["the reason is not 'a whole number of 0 to 9' but 'its condition does not hold'"]]),
    ],
)  # fmt: skip
def test_each_case_says_what_is_otherwise(
    make_mission: Callable[..., Mission], text: str, old: str, new: str, wrong: list[list[str]]
) -> None:
    playbook = parse_playbook(text.replace(old, new, 1).encode())
    cases = parse_fixtures(FIXTURES.encode())
    found = [list(problems(one, playbook, make_mission(kind=one.error.kind))) for one in cases]
    assert found == wrong


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("cases:", "case:", "fixtures: unknown case; did you mean cases?"),
        ("applies: true", "applys: true", "fixtures.cases[0].expect: unknown applys"),
        ("target: t-1, details: {n: 3}", "severity: bad, target: t-1", "fixtures.cases[0].error.severity: one of"),
        (FIXTURES, "cases: []", "fixtures.cases: a list of 1 to 100"),
        (FIXTURES, "a: *b", "alias"),
    ],
)  # fmt: skip
def test_fixtures_that_are_none_are_refused_with_their_place(
    old: str, new: str, complaint: str
) -> None:
    with pytest.raises(PlaybookError, match=complaint.replace("[", r"\[").replace("?", r"\?")):
        parse_fixtures(FIXTURES.replace(old, new, 1).encode())
