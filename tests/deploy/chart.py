"""The chart as Helm renders it: with the default values, and with those of a careful cluster."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "grace"
RELEASE, NAMESPACE = "grace", "healing"
CLUSTER: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("cluster-values.yaml").read_text(encoding="utf-8")
)
VALUES: dict[str, dict[str, Any]] = {"default": {}, "cluster": CLUSTER}
NOTES = "templates/NOTES.txt"

Object = dict[str, Any]


def render(values: dict[str, Any]) -> dict[str, str]:
    """Every template's text. HelmError where Helm refuses."""
    with helm.Chart.load(CHART) as chart:
        return chart.render(values, name=RELEASE, namespace=NAMESPACE)


@cache
def texts(profile: str) -> dict[str, str]:
    return {name.partition("/")[2]: text for name, text in render(VALUES[profile]).items()}


def objects_of(rendered: dict[str, str]) -> list[Object]:
    manifests = (text for name, text in rendered.items() if name.endswith(".yaml"))
    return [found for text in manifests for found in yaml.safe_load_all(text) if found]


@cache
def objects(profile: str) -> list[Object]:
    return objects_of(texts(profile))


def of_kind(profile: str, *kinds: str) -> list[Object]:
    return [each for each in objects(profile) if each["kind"] in kinds]


def named(profile: str, kind: str, name: str) -> Object:
    return next(o for o in of_kind(profile, kind) if o["metadata"]["name"] == f"{RELEASE}-{name}")


def component(found: Object) -> str:
    return str(found["metadata"]["labels"]["app.kubernetes.io/component"])


def pods(profile: str) -> dict[str, Object]:
    """The specification of every pod, by component."""
    found = of_kind(profile, "Deployment", "Job")
    return {component(each): each["spec"]["template"]["spec"] for each in found}


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def settings_of(profile: str, service: str) -> dict[str, str]:
    """The environment that Kubernetes gives the service."""
    environment: dict[str, str] = dict(named(profile, "ConfigMap", service)["data"])
    own = pods(profile)[service]["containers"][0]
    return environment | {each["name"]: each["value"] for each in own["env"]}
