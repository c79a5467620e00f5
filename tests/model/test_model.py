"""The models hold, see every sabotage, and are models of this code.

A search takes up to seven seconds, and comes to the same as long as the model is the same: `make model`
makes them all and keeps the verdicts beside the models. Here the short ones are made again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from model import record, spin
from model.models import FAMILY, HERE, HTM, MODELS, Model
from model.record import search
from model.sabotages import SABOTAGES, SPARES
from model.spin import COMPILES_FAST, Verdict

from grace.htm.domain.lifecycle import FINAL, TRANSITIONS, State

_SERVICES = HERE.parents[1] / "services"
DOORS = {(str(start), str(end)) for start, ways in TRANSITIONS.items() for end in ways.values()}
# States: a search of more takes a second or more.
SHORT = 100_000
# Where a guard of the model is in the code: a named statement, and what it says.
GUARDS = {
    "KEY_IS_UNIQUE": ("insert_tasks", "ON CONFLICT (tenant_id, key) DO NOTHING"),
    "CLAIM_GUARD": ("assign_tasks", "t.status = (SELECT 'queued')"),
    "REPORT_FENCE": ("close_attempts", "t.attempt_number = c.attempt_number"),
    "REPORT_GUARD": (
        "close_attempts",
        "t.status = ANY (CAST((SELECT ARRAY['assigned', 'running']) AS text[]))",
    ),
    "LAPSE_FENCE": ("close_attempts", "t.attempt_number = c.attempt_number"),
    "PROMOTE_GUARD": ("promote_tasks", "status IN ('retrying', 'scheduled')"),
    "EXPIRE_GUARD": ("expire_tasks", "status IN ('waiting', 'queued', 'retrying')"),
    "CANCEL_GUARD": (
        "cancel_task",
        "t.status IN ('waiting', 'scheduled', 'queued', 'retrying', 'needs_attention')",
    ),
    "CANCEL_WAITS": ("ask_to_cancel", "status IN ('assigned', 'running', 'joining')"),
    "ROW_LOCKS": ("attempted_tasks", "FOR NO KEY UPDATE OF t"),
    "TURNS": ("take_turn", "pg_advisory_xact_lock(hashtextextended('grace.htm.claim', 0))"),
    "LINK_LOCKS": ("lock_relatives", "FOR NO KEY UPDATE"),
    "FOLLOW_LOCKS": ("lock_followers", "FOR NO KEY UPDATE"),
    "FOLLOW_GUARD": ("release_waiting", "t.status = (SELECT 'waiting')"),
    "CLOSED_PARENT": ("lock_relatives", "t.cancel_requested_at IS NOT NULL"),
    "ROW_LOCK": ("lock_request", "FOR UPDATE"),
    "VERSION_GUARD": ("close_request", "status = (SELECT 'pending') AND version = :version"),
    "EXPIRE_GUARD of approvals": ("expire_requests", "AND status = (SELECT 'pending')"),
    "POLICY_HOLD": ("hold_policies", "pg_advisory_xact_lock_shared"),
    "COMPONENT_LOCK": ("lock_component", "pg_advisory_xact_lock"),
    "RETIRES": ("retire_key", "SET status = 'retired'"),
}


@pytest.fixture(scope="session")
def tools() -> None:
    try:
        spin.find_compiler()
        spin.find_spin()
    except spin.Unavailable as reason:
        pytest.skip(f"models are not checked here: {reason}")


def searches() -> Iterator[tuple[Model, str, tuple[str, ...], bool]]:
    """Everything that is searched for: the property, the guards that are off, and whether it has to hold."""
    for model in MODELS.values():
        yield from ((model, name, (), True) for name in model.properties)
    for each in SABOTAGES:
        yield MODELS[each.model], each.breaks, each.off, False
    for spare in SPARES:
        yield MODELS[spare.model], spare.keeps, spare.off, True


def short() -> list[Any]:
    """The searches that are short, or that nobody has made yet."""
    kept = record.read()
    return [
        pytest.param(model, name, off, holds, id=f"{model.name}-{name}-{'+'.join(off)}")
        for model, name, off, holds in searches()
        if kept.get(search(model, model.properties[name], off), (False, 0))[1] <= SHORT
    ]


def check(model: Model, name: str, off: tuple[str, ...] = ()) -> Verdict:
    """Search again; what was kept of this search has to be what comes of it."""
    asked = model.properties[name]
    verdict = spin.check(model, asked, off, optimised=COMPILES_FAST)
    assert record.read()[search(model, asked, off)] == (verdict.holds, verdict.states)
    return verdict


def test_every_property_holds_and_every_sabotage_was_seen() -> None:
    asked = {search(m, m.properties[name], off): holds for m, name, off, holds in searches()}
    kept = {each: holds for each, (holds, _) in record.read().items()}
    assert kept == asked, (
        "a model was changed: run `make model` and commit tests/model/verdicts.txt"
    )


@pytest.mark.parametrize(("model", "name", "off", "holds"), short())
def test_the_model_holds_and_sees_the_sabotage(
    tools: None, model: Model, name: str, off: tuple[str, ...], holds: bool
) -> None:
    assert check(model, name, off).holds is holds


def test_every_door_of_the_table_is_gone_through_and_no_other(tools: None) -> None:
    alone, related = check(HTM, "doors"), check(FAMILY, "doors")
    assert (alone.holds, related.holds) == (True, True)
    assert alone.moves == HTM.doors
    assert alone.moves | related.moves == DOORS


def test_the_model_draws_the_doors_of_the_domain() -> None:
    assert FAMILY.doors == DOORS
    related = {"waiting", "joining"}
    assert HTM.doors == {door for door in DOORS if not related & set(door)}


def test_the_triggers_of_the_schema_are_those_of_the_model() -> None:
    doors, final = _triggers()
    assert doors == FAMILY.doors
    assert final == FINAL


def test_the_model_knows_every_state() -> None:
    numbered = dict(re.findall(r"^#define (\w+) +(\d+)$", FAMILY.text, re.MULTILINE))
    assert {"absent", *State} <= set(numbered)
    first, last = int(numbered["succeeded"]), int(numbered["dead_letter"])
    assert {state for state in State if first <= int(numbered[state]) <= last} == FINAL


@pytest.mark.parametrize("model", MODELS)
def test_every_guard_has_its_sabotage_and_every_property_breaks_in_one(model: str) -> None:
    own = [each for each in SABOTAGES if each.model == model]
    assert {guard for each in own for guard in each.off} == set(MODELS[model].guards)
    assert {each.breaks for each in own} == set(MODELS[model].properties)


@pytest.mark.parametrize("guard", GUARDS)
def test_the_guard_is_in_the_statement(guard: str) -> None:
    statement, text = GUARDS[guard]
    found = sorted(_SERVICES.glob("*/src/**/queries.sql"))
    queries = "\n".join(path.read_text(encoding="utf-8") for path in found)
    blocks = [each.split(" --\n")[0] for each in queries.split(f"-- {statement} --\n")[1:]]
    assert any(guard.partition(" ")[0] in model.guards for model in MODELS.values())
    assert len(blocks) == 1
    assert text in blocks[0]


def _triggers() -> tuple[set[tuple[str, str]], set[str]]:
    """The moves that the schema allows, and the states that it lets nothing leave; the newest word counts."""
    paths = sorted((_SERVICES / "htm/migrations").glob("*.py"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    through = re.findall(r"TRIGGER only_through_doors.*?END\)", text, re.DOTALL)[-1]
    ways = re.findall(r"WHEN '(\w+)' THEN NEW\.status IN \((.*?)\)", through, re.DOTALL)
    resting = re.findall(r"TRIGGER final_rows_rest.*?IN \((.*?)\)\)", text, re.DOTALL)[-1]
    doors = {(start, end) for start, ends in ways for end in re.findall(r"\w+", ends)}
    return doors, set(re.findall(r"\w+", resting))
