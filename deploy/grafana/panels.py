"""Dashboards as plain JSON: what Grafana's own export would hold, and nothing that it fills in by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Grafana 10 and 11 read it as it is, newer ones migrate it when they load it.
SCHEMA_VERSION = 39
_COLUMNS = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and what a line of it is called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `unit` is Grafana's name of it; `says` what one reads off it, and what then."""

    title: str
    says: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    # From this value on it is red; None: nothing is bad by itself.
    bad_from: float | None = None
    is_bad_below: bool = False
    is_stacked: bool = False

    @property
    def height(self) -> int:
        """In rows of Grafana's grid."""
        return 4 if self.kind == "stat" else 8


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page; its `uid` never changes, since people link to it."""

    uid: str
    title: str
    says: str
    panels: Sequence[Panel]


def dashboard_json(page: Dashboard) -> Json:
    """Return the page as Grafana imports it."""
    return {
        "uid": page.uid,
        "title": f"Grace / {page.title}",
        "description": page.says,
        "tags": ["grace"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [_datasource()]},
        "links": [_others()],
        "panels": list(_placed(page.panels)),
    }


def _datasource() -> Json:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def _others() -> Json:
    return {
        "type": "dashboards",
        "title": "Grace",
        "tags": ["grace"],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
    }


def _placed(panels: Sequence[Panel]) -> Iterator[Json]:
    """From left to right; a row is as high as its highest."""
    x = y = row = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _COLUMNS:
            x, y, row = 0, y + row, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        yield {"id": number, "gridPos": place, **_panel(panel)}
        x, row = x + panel.width, max(row, panel.height)


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": _SOURCE,
        "targets": [
            {"refId": chr(65 + n), "expr": q.expr, "legendFormat": q.legend or "__auto", "datasource": _SOURCE}
            for n, q in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }  # fmt: skip


def _defaults(panel: Panel) -> Json:
    found: Json = {"unit": panel.unit, "min": 0, "thresholds": _thresholds(panel)}
    if panel.kind == "timeseries":
        mode = "normal" if panel.is_stacked else "none"
        found["custom"] = {"fillOpacity": 10, "showPoints": "never", "stacking": {"mode": mode}}
    return found


def _thresholds(panel: Panel) -> Json:
    well, bad = ("red", "green") if panel.is_bad_below else ("green", "red")
    steps: list[Json] = [{"color": well, "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": bad, "value": panel.bad_from})
    return {"mode": "absolute", "steps": steps}


_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "background",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
    },
}
