"""The alerts: they speak of metrics and labels that the services really have."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from .chart import ROOT
from .measured import metrics

FOLDER = ROOT / "deploy" / "prometheus"
GROUPS: list[dict[str, Any]] = yaml.safe_load(
    (FOLDER / "grace.rules.yaml").read_text(encoding="utf-8")
)["groups"]
CASES: list[dict[str, Any]] = [
    case
    for file in sorted((FOLDER / "tests").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
]
_SERIES = re.compile(r"(grace_[a-z_]+)(?:\{(.*)\})?")
RULES = [rule for group in GROUPS for rule in group["rules"]]
_METRIC = re.compile(r"\b(grace_[a-z_]+)")
_SELECTED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
_COUNTED = re.compile(r"increase\((grace_[a-z_]+)(\{[^}]*\})?\[")
_CHOSEN = re.compile(r"(\w+)=~?\"([^\"]*)\"")
_BY = re.compile(r"\bby \(([^)]*)\)")
_SHOWN = re.compile(r"\$labels\.(\w+)")


def rule_of(name: str) -> dict[str, Any]:
    return next(rule for rule in RULES if rule["alert"] == name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_watches_what_is_measured(rule: dict[str, Any]) -> None:
    expression, known = rule["expr"], metrics()
    used = set(_METRIC.findall(expression))
    assert used
    assert used <= known.keys()
    labels = set.intersection(*(known[name] | {"le"} for name in used))
    grouped = {label.strip() for by in _BY.findall(expression) for label in by.split(",")}
    assert grouped | set(_SELECTED.findall(expression)) <= labels
    assert set(_SHOWN.findall(str(rule["annotations"]))) <= grouped, "it would show nothing"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_look(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "look"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_the_first_thing_that_an_alert_counts_is_seen(rule: dict[str, Any]) -> None:
    """`increase` sees no step from nothing to 1: the series is there before, or counts as a whole."""
    metrics()
    for name, selector in _COUNTED.findall(rule["expr"]) if "/" not in rule["expr"] else []:
        collector = REGISTRY._names_to_collectors[name]
        assert isinstance(collector, MetricWrapperBase)
        if f"{name} offset" in rule["expr"] or "service" in collector._labelnames:
            continue  # the kit's are there once a service has started: libs/kit/tests/test_life.py
        wanted = dict(_CHOSEN.findall(selector))
        found = [dict(s.labels) for m in collector.collect() for s in m.samples if s.name == name]
        for label in wanted.keys() - {"le"}:
            have = {labels[label] for labels in found}
            assert set(wanted[label].split("|")) <= have
        assert found, f"{name} is not there before the first one"


def test_the_promised_alerts_stand_at_their_limits() -> None:
    limits = {
        "GraceRollbacks": ("grace_rollbacks_total", ">= 3"),
        "GraceLowConfidence": ("grace_action_confidence", "< 0.5"),
        "GraceApprovalsWait": ('grace_approval_latency_seconds_bucket{le="3600.0"}', "> 0"),
        "GraceErrorRate": ("grace_gateway_requests_total", "> 0.1"),
    }
    for name, (metric, limit) in limits.items():
        assert metric in rule_of(name)["expr"]
        assert rule_of(name)["expr"].endswith(limit)


def test_a_limit_lies_on_the_border_of_a_bucket() -> None:
    module = importlib.import_module("grace.governance.metrics")
    assert 3600 in module.APPROVAL_LATENCY._kwargs["buckets"]
    tasks = importlib.import_module("grace.htm.metrics")
    for name, histogram in (
        ("GraceTasksWait", tasks.QUEUE_SECONDS),
        ("GraceTasksSlow", tasks.EXECUTION_SECONDS),
        ("GraceTasksTakeLong", tasks.TOTAL_SECONDS),
    ):
        limit = float(rule_of(name)["expr"].rpartition("> ")[2])
        assert limit in histogram._kwargs["buckets"]


def test_every_metric_of_tasks_is_watched_or_scaled_by() -> None:
    values = (ROOT / "helm" / "grace" / "values.yaml").read_text(encoding="utf-8")
    watched = values + "".join(rule["expr"] for rule in RULES)
    module = importlib.import_module("grace.htm.metrics")
    own = {
        collector._name
        for collector in vars(module).values()
        if isinstance(collector, MetricWrapperBase)
    }
    assert len(own) == 7
    assert {name for name in own if name not in watched} == set()


def cases_of(alert: str, *, fires: bool) -> list[dict[str, Any]]:
    asked = [(case, case["promql_expr_test"][0]) for case in CASES]
    return [
        case for case, e in asked if f'"{alert}"' in e["expr"] and bool(e["exp_samples"]) is fires
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_must_not(
    rule: dict[str, Any],
) -> None:
    assert cases_of(rule["alert"], fires=True)
    assert cases_of(rule["alert"], fires=False)


def test_the_cases_speak_of_what_is_measured() -> None:
    """Labels of a scrape may be there, too: a pod is one of several."""
    known = metrics()
    for case in CASES:
        for each in case["input_series"]:
            name, labels = _SERIES.fullmatch(each["series"]).groups("")  # type: ignore[union-attr]
            assert set(re.findall(r"(\w+)=", labels)) <= known[name] | {"pod"}, case["name"]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: make rules"
)
def test_every_alert_fires_when_it_should_and_only_then() -> None:
    done = subprocess.run(["make", "rules"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
