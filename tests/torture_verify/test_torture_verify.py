"""The short form, with the rules of the judge; `make torture-verify` is the long one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torture_verify import controls
from torture_verify.cast import opened_cast
from torture_verify.deeds import DEEDS
from torture_verify.edges import EDGES, SHORT
from torture_verify.judge import RULES, Seen, judge
from torture_verify.run import cases_of, torture
from torture_verify.sabotage import Guard

from grace.testkit import House

_BEFORE, _APPLIED = {"file": 1}, {"file": 2}
_VERIFIED = Seen(
    died=True,
    status="verified",
    executed=True,
    before=_BEFORE,
    applied=_APPLIED,
    now=_APPLIED,
    promise_holds=True,
    receipts={"apply": (1, 1)},
    lease_s=5.0,
)
_RESTORED = replace(
    _VERIFIED, status="rolled_back", now=_BEFORE, receipts={"apply": (1, 1), "revert": (1, 1)}
)


@pytest.mark.timeout(120)
async def test_whoever_dies_where_the_action_is_verified_or_undone(
    house: House, tmp_path: Path
) -> None:
    async with opened_cast(house, tmp_path) as cast:
        found = await torture(cast, cases_of(7, SHORT, DEEDS, each=1))
    assert [done.breaches for done in found] == [()] * len(SHORT)


@pytest.mark.timeout(120)
async def test_a_guard_that_is_taken_away_is_noticed(house: House, tmp_path: Path) -> None:
    done = await controls.control(house, tmp_path, Guard.MEASURING)
    assert controls.is_noticed(Guard.MEASURING, done)


def test_every_edge_meets_five_operations_that_come_there() -> None:
    cases = cases_of(1)
    assert len({(case.edge, case.deed.name) for case in cases}) == len(cases)
    for edge in EDGES:
        assert sum(case.edge == edge for case in cases) >= 5, edge
    assert cases == cases_of(1) != cases_of(2)


@pytest.mark.parametrize("seen", [_VERIFIED, _RESTORED])
def test_what_ends_well_has_no_breach(seen: Seen) -> None:
    assert judge(seen) == []


_WRONG: list[tuple[str, Seen, dict[str, Any]]] = [
    ("not killed", _VERIFIED, {"died": False}),
    ("no end", _VERIFIED, {"status": "measuring"}),
    ("half state", _VERIFIED, {"now": _BEFORE}),
    ("half state", _RESTORED, {"now": _APPLIED}),
    ("half state", _VERIFIED, {"status": "failed"}),
    ("false success", _VERIFIED, {"executed": False}),
    ("false success", _VERIFIED, {"promise_holds": False}),
    ("effects", _VERIFIED, {"receipts": {}}),
    ("effects", _VERIFIED, {"receipts": {"apply": (2, 2)}}),
    ("effects", _VERIFIED, {"receipts": {"apply": (1, 0)}}),
    ("effects", _RESTORED, {"receipts": {"apply": (1, 1)}}),
    ("hold left", _VERIFIED, {"holds": 1}),
    ("told", _VERIFIED, {"told": 0}),
    ("told", _VERIFIED, {"told": 2}),
    ("unverified too long", _VERIFIED, {"unverified_s": 5.1}),
]


@pytest.mark.parametrize(("rule", "seen", "changes"), _WRONG)
def test_what_may_not_be_is_found(rule: str, seen: Seen, changes: dict[str, Any]) -> None:
    assert rule in {breach.rule for breach in judge(replace(seen, **changes))}


def test_every_rule_is_shown_to_find_something() -> None:
    assert {rule for rule, _, _ in _WRONG} == set(RULES)
