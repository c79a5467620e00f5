"""The verification plan of a playbook: what the parser takes, and that its JSON Schema says the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

import grace.intent.domain
from grace.intent.domain.document import parse_playbook
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import (
    Answer,
    Blocked,
    Postponed,
    Question,
    Ready,
    Shortlist,
    Silence,
    decide,
    questions,
)
from grace.intent.domain.playbook import Measure, Playbook, PlaybookError
from grace.intent.planner.measures import measure_on_wire

PACKAGE = Path(grace.intent.domain.__file__).parents[1]
SCHEMA = json.loads((PACKAGE / "playbooks" / "verification.schema.json").read_text("utf-8"))
EXPECTED = [{"field": "value", "comparison": "at_most", "value": 0.5}]
PROMQL = {
    "name": "errors",
    "kind": "promql",
    "source": "metrics",
    "query": "sum(rate(shop_errors_total[1m]))",
    "expectations": EXPECTED,
}
HTTP = {
    "name": "web",
    "kind": "http",
    "source": "web",
    "path": "/health",
    "fields": {"queue": "/queue"},
    "warmup": "5s",
    "interval": "10s",
    "count": 5,
    "failure_limit": 1,
    "error_limit": 1,
    "expectations": [{"field": "ok", "comparison": "at_least", "value": 1}],
}
OBSERVE = {
    "name": "speed",
    "kind": "observe",
    "operation": "postgres.activity",
    "params": {"seconds": 4},
    "distributions": [{"field": "series.commits", "direction": "not_lower"}],
}
SQL = {
    "name": "late",
    "kind": "sql",
    "query": "SELECT count(*) AS n FROM shop.orders WHERE due < now()",
    "expectations": [{"field": "n", "comparison": "at_most", "value": 0}],
}
FILE = {
    "name": "config",
    "kind": "file_hash",
    "target": "app-1",
    "path": "etc/app.conf",
    "sha256": "0" * 64,
    "expectations": [{"field": "matches", "comparison": "at_least", "value": 1}],
}
COMMAND = {
    "name": "ready",
    "kind": "command",
    "target": "checks",
    "argv": ["/usr/bin/pg_isready", "-h", "db"],
    "expectations": [{"field": "exit_code", "comparison": "at_most", "value": 0}],
}

REFUSED: list[tuple[Any, str]] = [
    ([], "verification: a list of 1 to 16"),
    ({}, "verification: a list of 1 to 16"),
    ([{**PROMQL, "kind": "promq"}], "verification[0].kind: unknown promq; did you mean promql?"),
    ([{**PROMQL, "path": "/"}], "verification[0].path: not of kind promql"),
    ([{**PROMQL, "source": None}], "verification[0].source: 1 to 128 characters"),
    ([{**PROMQL, "query": "  "}], "verification[0].query: a text is needed"),
    ([{**PROMQL, "range": "5m"}], "verification[0].step: range and step go together"),
    ([{**PROMQL, "warmup": "5 minutes"}], "verification[0].warmup: a duration is needed"),
    ([{**PROMQL, "warmup": 5}], "verification[0].warmup: a text is needed"),
    ([{**PROMQL, "count": 3}], "verification[0].interval: how long from one take to the next?"),
    ([{**PROMQL, "count": 0}], "verification[0].count: must be 1"),
    ([{**PROMQL, "error_limit": -1}], "verification[0].error_limit: must be 0"),
    ([{**PROMQL, "expectations": None}], "verification[0].expectations: it expects nothing"),
    ([{**PROMQL, "dry_run": "yes"}], "verification[0].dry_run: true or false"),
    ([{**PROMQL, "querry": "x"}], "verification[0]: unknown querry; did you mean query?"),
    ([{**HTTP, "fields": ["a"]}], "verification[0].fields: a table is needed"),
    ([{**HTTP, "query": "up"}], "verification[0].query: not of kind http"),
    ([{**SQL, "query": None}], "verification[0].query: a text is needed"),
    ([{**SQL, "source": "web"}], "verification[0].source: not of kind sql"),
    ([{**FILE, "sha256": "ABC"}], "verification[0].sha256: 64 hex digits"),
    ([{**COMMAND, "argv": "pg_isready -h db"}], "verification[0].argv: a list of 1 to 64"),
    ([{**COMMAND, "argv": ["pg_isready"]}], "verification[0].argv: it begins with the absolute"),
    ([{**COMMAND, "argv": ["/bin/x", 5]}], "verification[0].argv: each must be a text"),
    ([{**OBSERVE, "operation": None}], "verification[0].operation: 1 to 128"),
    (
        [{**OBSERVE, "distributions": [{"field": "f", "direction": "up"}]}],
        "verification[0].distributions[0].direction: unknown up",
    ),
    (
        [{**OBSERVE, "distributions": [{"field": "f", "direction": "not_lower", "alpha": 0.6}]}],
        "verification[0].distributions[0].alpha: must be above 0",
    ),
]
# What only the parser sees: it is about two values, or two measures, together, or about markers.
BEYOND_THE_SCHEMA: list[tuple[Any, str]] = [
    ([PROMQL, PROMQL], "verification: two measures have the same name"),
    ([{**HTTP, "success_limit": 6}], "verification[0].success_limit: more than the 5 takes"),
    ([{**HTTP, "interval": "1h"}], "verification[0].interval: the last take is more than 1h"),
    (
        [{**HTTP, "name": str(place), "interval": "1s", "count": 300} for place in range(2)],
        "verification: taken more than 500 times in all",
    ),
    (
        [{**OBSERVE, "params": {"seconds": {"extract": "wait"}}}],
        "verification[0].params: measure speed: extract: wait is filled in nowhere",
    ),
    (
        [{**OBSERVE, "params": {"of": [{"registry": "target"}]}}],
        "verification[0].params: measure speed: registry: target is filled in nowhere",
    ),
    (
        [{**HTTP, "fields": {"queue": {"extract": "path"}}}],
        "verification[0].fields: measure web: extract: path is filled in nowhere",
    ),
]


def text_with(mend_it: str, plan: object) -> bytes:
    document = yaml.safe_load(mend_it)
    document["steps"][0]["verification"] = plan
    return json.dumps(document).encode()  # JSON is YAML, without aliases


def plan_of(mend_it: str, *measures: dict[str, Any]) -> tuple[Measure, ...]:
    return parse_playbook(text_with(mend_it, list(measures))).steps[0].measures


def is_valid(plan: object) -> bool:
    """The schema's word; a key without a value is a key that is not given."""
    if isinstance(plan, list):
        plan = [{k: v for k, v in each.items() if v is not None} for each in plan]
    return jsonschema_rs.is_valid(SCHEMA, plan)


def test_a_plan_says_where_when_how_often_and_what_may_go_wrong(mend_it: str) -> None:
    errors, web, speed = plan_of(mend_it, PROMQL, HTTP, OBSERVE)
    assert (errors.place, errors.call.operation, errors.count) == ("metrics", "promql.query", 1)
    assert json.loads(web.call.params) == {"path": "/health", "fields": {"queue": "/queue"}}
    assert (web.warmup_ms, web.interval_ms, web.count) == (5_000, 10_000, 5)
    assert (web.failures_at_most, web.errors_at_most, web.successes_at_least) == (1, 1, 3)
    assert (speed.place, speed.distributions[0].alpha) == (None, 0.01)
    assert is_valid([PROMQL, HTTP, OBSERVE])
    assert parse_playbook(mend_it.encode()).steps[0].measures == ()


def test_sql_a_file_and_a_command_are_a_workers_observe_tasks(mend_it: str) -> None:
    late, config, ready = plan_of(mend_it, SQL, FILE, COMMAND)
    assert (late.call.operation, late.place) == ("postgres.query", None)
    assert json.loads(config.call.params) == {"path": "etc/app.conf", "sha256": "0" * 64}
    assert (ready.call.operation, ready.place) == ("command.run", "checks")
    assert json.loads(ready.call.params) == {"argv": ["/usr/bin/pg_isready", "-h", "db"]}
    assert is_valid([SQL, FILE, COMMAND])


def test_a_range_is_asked_with_its_step(mend_it: str) -> None:
    ranged = {**PROMQL, "range": "5m", "step": "15s"}
    (measure,) = plan_of(mend_it, ranged)
    params = json.loads(measure.call.params)
    assert (params["range_seconds"], params["step_seconds"]) == (300, 15)
    assert is_valid([ranged])


@pytest.mark.parametrize(("plan", "words"), REFUSED)
def test_what_is_wrong_is_named_and_the_schema_refuses_it_too(
    mend_it: str, plan: Any, words: str
) -> None:
    with pytest.raises(PlaybookError) as refused:
        parse_playbook(text_with(mend_it, plan))
    assert words in str(refused.value)
    assert not is_valid(plan)


@pytest.mark.parametrize(("plan", "words"), BEYOND_THE_SCHEMA)
def test_what_contradicts_itself_is_named(mend_it: str, plan: Any, words: str) -> None:
    with pytest.raises(PlaybookError) as refused:
        parse_playbook(text_with(mend_it, plan))
    assert words in str(refused.value)


def test_a_dry_run_may_expect_nothing(mend_it: str) -> None:
    dry = {key: value for key, value in PROMQL.items() if key != "expectations"} | {"dry_run": True}
    assert plan_of(mend_it, dry)[0].dry_run
    assert is_valid([dry])


class TestPlanning:
    GOOD = Answer(
        valid=True,
        problems=(),
        kernel="thing",
        tier=2,
        reversible=True,
        observes_only=False,
        timeout_ms=9,
    )
    LOOKS = Answer(
        valid=True,
        problems=(),
        kernel="thing",
        tier=1,
        reversible=False,
        observes_only=True,
        timeout_ms=7,
    )

    def planned(
        self, mend_it: str, mission: Mission, besides: Answer | Silence
    ) -> Ready | Blocked | Postponed:
        playbook: Playbook = parse_playbook(text_with(mend_it, [PROMQL]))
        asked = questions([playbook], "t-1")
        known: dict[str, Answer | Silence] = {"thing.mend": self.GOOD, "thing.look": self.LOOKS}
        answers = {each: known.get(each.operation, besides) for each in asked}
        assert Question("promql.query", "metrics", answers_params(asked)) in asked
        return decide(mission, Shortlist((playbook,), ()), answers)

    def test_a_plan_is_ready_when_its_measures_are_valid_too(
        self, mend_it: str, make_mission: Callable[..., Mission]
    ) -> None:
        ready = self.planned(mend_it, make_mission(), self.LOOKS)
        assert isinstance(ready, Ready)
        (step,) = ready.steps
        wire = measure_on_wire(step.step.measures[0], "t-1", step.measures[0].timeout_ms)
        assert (wire.measurement.target, wire.measurement.timeout_ms) == ("metrics", 7)
        assert wire.expectations[0].value == 0.5
        assert (wire.count, wire.successes_at_least, wire.dry_run) == (1, 1, False)

    def test_a_source_that_is_not_allowed_blocks_the_plan_with_the_reason(
        self, mend_it: str, make_mission: Callable[..., Mission]
    ) -> None:
        blocked = self.planned(mend_it, make_mission(), Answer.refusing("metrics is not a source"))
        assert isinstance(blocked, Blocked)
        assert "measure errors: promql.query: metrics is not a source" in blocked.reason

    def test_a_measure_that_changes_the_world_is_none(
        self, mend_it: str, make_mission: Callable[..., Mission]
    ) -> None:
        blocked = self.planned(mend_it, make_mission(), self.GOOD)
        assert isinstance(blocked, Blocked)
        assert "does not only observe" in blocked.reason

    def test_while_verification_is_silent_the_plan_is_owed(
        self, mend_it: str, make_mission: Callable[..., Mission]
    ) -> None:
        assert self.planned(mend_it, make_mission(), Silence("nobody")) == Postponed(
            "mend-it: nobody"
        )


def answers_params(asked: frozenset[Question]) -> str:
    return next(each.params for each in asked if each.operation == "promql.query")
