"""The dashboards: they show what the services really measure, and are what their builder writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from .chart import ROOT, objects
from .measured import metrics

FOLDER = ROOT / "deploy" / "grafana"
FILES = sorted((FOLDER / "dashboards").glob("*.json"))
PAGES: dict[str, Any] = {file.name: json.loads(file.read_text("utf-8")) for file in FILES}
_METRIC = re.compile(r"\b(grace_[a-z_]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
_BY = re.compile(r"\bby \(([^)]*)\)")
_SHOWN = re.compile(r"\{\{(\w+)\}\}")
# Labels of the scrape itself.
_SCRAPED = {"job", "instance"}
# Whoever counts them counts from their first: their labels are few and known.
COUNTED_FROM_THE_FIRST = {
    "grace_action_confidence_count", "grace_rollbacks_total", "grace_missions_reopened_total",
    "grace_intent_holds_total", "grace_approval_latency_seconds_count",
    "grace_governance_broken_glass_total", "grace_governance_notices_total",
    "grace_observability_stress_runs_total", "grace_observability_remediations_total",
    "grace_gateway_websocket_closes_total",
}  # fmt: skip


def queries() -> Iterator[tuple[str, dict[str, Any]]]:
    for page in PAGES.values():
        for panel in page["panels"]:
            yield from ((f"{page['uid']}: {panel['title']}", target) for target in panel["targets"])


def test_the_files_are_what_the_builder_writes() -> None:
    built = [sys.executable, str(FOLDER / "build.py"), "--check"]
    done = subprocess.run(built, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(FILES) == 4


def test_a_panel_shows_what_is_measured_by_labels_that_it_has() -> None:
    known = metrics()
    for where, target in queries():
        used = _METRIC.findall(target["expr"])
        assert used, where
        assert {name for name, _ in used} <= known.keys(), where
        grouped = {label.strip() for by in _BY.findall(target["expr"]) for label in by.split(",")}
        for name, selector in used:
            labels = known[name] | _SCRAPED
            assert {label for label, _ in _LABEL.findall(selector)} <= labels, where
            assert grouped - {"le"} <= labels | {"le"}, where
        assert set(_SHOWN.findall(target["legendFormat"])) <= grouped | _SCRAPED, where


def test_every_measurement_of_graces_own_is_shown_somewhere() -> None:
    shown = {name for _, target in queries() for name, _ in _METRIC.findall(target["expr"])}
    parts = ("_bucket", "_sum", "_count", "_created", "_total")
    stems = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in shown}
    own = {name for name in metrics() if not name.endswith(parts[:4])}
    missing = {name for name in own if re.sub(r"_total$", "", name) not in stems}
    assert missing == {"grace_observability_stress_requests_total"} | {
        name for name in missing if f"{name}_total" in own
    }


def test_the_first_thing_that_a_panel_counts_is_seen() -> None:
    """`increase` sees no step from nothing to 1: the series is there before."""
    metrics()
    there = {s.name for found in REGISTRY.collect() for s in found.samples}
    shown = {
        n for _, t in queries() for n, _ in _METRIC.findall(t["expr"]) if "increase" in t["expr"]
    }
    assert shown >= COUNTED_FROM_THE_FIRST
    assert there >= COUNTED_FROM_THE_FIRST


def test_a_page_can_be_linked_to_and_says_what_it_is_for() -> None:
    assert [page["uid"] for page in PAGES.values()] == [Path(name).stem for name in PAGES]
    for page in PAGES.values():
        assert page["description"]
        assert page["templating"]["list"][0]["type"] == "datasource"
        assert all(panel["description"].endswith((".", "`.")) for panel in page["panels"])
        numbers = [panel["id"] for panel in page["panels"]]
        assert len(set(numbers)) == len(numbers)
        assert not overlaps([panel["gridPos"] for panel in page["panels"]]), page["uid"]


def overlaps(places: list[dict[str, int]]) -> bool:
    cells = [
        (x, y)
        for p in places
        for x in range(p["x"], p["x"] + p["w"])
        for y in range(p["y"], p["y"] + p["h"])
    ]
    assert max(x for x, _ in cells) < 24
    return len(set(cells)) != len(cells)


def test_the_chart_brings_the_same_rules_and_pages_where_they_are_wanted() -> None:
    kinds = {"PrometheusRule", "ConfigMap"}
    found = [each for each in objects("cluster") if each["kind"] in kinds]
    (rule,) = [each for each in found if each["kind"] == "PrometheusRule"]
    text = (ROOT / "deploy" / "prometheus" / "grace.rules.yaml").read_text("utf-8")
    assert rule["spec"] == yaml.safe_load(text)
    assert rule["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    pages = [each for each in found if "grafana_dashboard" in each["metadata"]["labels"]]
    assert {k: json.loads(v) for each in pages for k, v in each["data"].items()} == PAGES
    assert all(each["metadata"]["annotations"] == {"grafana_folder": "Grace"} for each in pages)
    absent = [each for each in objects("default") if each["kind"] == "PrometheusRule"]
    assert not absent
    assert not [e for e in objects("default") if "grafana_dashboard" in e["metadata"]["labels"]]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: make rules"
)
def test_every_query_is_one_to_prometheus(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{n}", "expr": target["expr"].replace("$__rate_interval", "5m")}
        for n, (_, target) in enumerate(queries())
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    told = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
