"""The Helm chart: what it renders is valid, complete, and says what the services understand."""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
from kubernetes_validate import utils

from grace.contracts.subjects import SERVICES

from .chart import (
    CHART,
    NOTES,
    RELEASE,
    VALUES,
    Object,
    component,
    containers,
    named,
    objects,
    objects_of,
    of_kind,
    pods,
    render,
    settings_of,
    texts,
)
from .settings import read

# The oldest that Chart.yaml allows, and the newest that the checker knows.
KUBERNETES = ("1.30", "1.37")
# Not of Kubernetes itself: there is no schema here to check them by.
EXTENSIONS = {"PodMonitor", "PrometheusRule", "ScaledObject"}
PROFILES = tuple(VALUES)
JOBS = {"migrate", "streams"}
profile = pytest.mark.parametrize("profile", PROFILES)


@cache
def _schema(filename: str, version: str) -> Any:
    return _read_schema(filename, version)


_read_schema = utils.schema_contents


@pytest.fixture(autouse=True)
def schemas_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "schema_contents", _schema)


def changed(path: str, value: object) -> dict[str, Any]:
    """Values with one of them set."""
    values: dict[str, Any] = {}
    inner = values
    *parents, last = path.split(".")
    for parent in parents:
        inner = inner.setdefault(parent, {})
    inner[last] = value
    return values


def test_helm_has_nothing_to_say_against_it() -> None:
    found = helm.lint(CHART)
    assert found["errors"] == []
    assert [m for m in found["messages"] if m["severity"] > 1] == []


@profile
@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_fits_the_schema_of_kubernetes(profile: str, version: str) -> None:
    unchecked = set()
    for found in objects(profile):
        try:
            assert kubernetes_validate.validate(found, version, strict=True) == version
        except kubernetes_validate.SchemaNotFoundError:
            unchecked.add(found["kind"])
    assert unchecked <= EXTENSIONS


def test_an_object_that_kubernetes_would_refuse_is_seen() -> None:
    broken = copy.deepcopy(named("default", "Deployment", "htm"))
    broken["spec"]["replicas"] = "two"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES[-1], strict=True)


@profile
def test_there_is_a_deployment_for_every_service_and_nothing_else(profile: str) -> None:
    assert pods(profile).keys() == {*SERVICES, *JOBS}
    for kind in ("ConfigMap", "PodDisruptionBudget"):
        found = {component(o) for o in of_kind(profile, kind) if not is_dashboard(o)}
        assert found == set(SERVICES)


def is_dashboard(found: Object) -> bool:
    """What Grafana reads, and no pod."""
    return "grafana_dashboard" in found["metadata"]["labels"]


@profile
def test_no_two_objects_have_one_name(profile: str) -> None:
    names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects(profile)]  # fmt: skip
    assert len(names) == len(set(names))


@profile
@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting_of_its_service(
    profile: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = settings_of(profile, service)
    found = read(service, environment, monkeypatch)
    assert environment[f"GRACE_{service.upper()}_NATS_URL"] == found.nats_url
    assert (found.ops_host, found.ops_port) == ("0.0.0.0", 9090)  # noqa: S104 - for the kubelet
    pod = pods(profile)[service]
    sleep = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {})
    needed = found.stop_grace.total_seconds() + sleep.get("seconds", 0)
    assert pod["terminationGracePeriodSeconds"] > needed


@profile
@pytest.mark.parametrize("service", SERVICES)
def test_every_file_that_a_setting_names_is_mounted(
    profile: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read(service, settings_of(profile, service), monkeypatch)
    mounts = [m["mountPath"] for m in pods(profile)[service]["containers"][0]["volumeMounts"]]
    for field, value in found.model_dump().items():
        if field.endswith("_file") and value is not None:
            assert str(value.parent) in mounts, f"{field}: {value}"


def test_what_the_operator_sets_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = read("gateway", settings_of("cluster", "gateway"), monkeypatch).model_dump()
    htm = read("htm", settings_of("cluster", "htm"), monkeypatch).model_dump()
    assert (gateway["rpc_timeout"].seconds, gateway["port"]) == (3, 8000)
    assert (htm["lease"].seconds, htm["retry_spread"], htm["sweep_most"]) == (60, 0.5, 10_000)


@profile
def test_kubernetes_adds_no_variables_of_its_own(profile: str) -> None:
    """A Service named grace-gateway would set GRACE_GATEWAY_PORT to tcp://..., and nothing starts."""
    assert {pod["enableServiceLinks"] for pod in pods(profile).values()} == {False}


@profile
def test_probes_ask_the_ops_port(profile: str) -> None:
    for service in SERVICES:
        own = pods(profile)[service]["containers"][0]
        assert {"name": "ops", "containerPort": 9090} in own["ports"]
        probes = {p: own[f"{p}Probe"]["httpGet"] for p in ("startup", "liveness", "readiness")}
        assert {probe["port"] for probe in probes.values()} == {"ops"}
        assert probes["liveness"]["path"] == "/health/live"
        assert probes["readiness"]["path"] == "/health/ready"


@profile
def test_every_selector_finds_the_pods_that_it_means(profile: str) -> None:
    labels = {component(o): o["spec"]["template"]["metadata"]["labels"] for o in of_kind(profile, "Deployment", "Job")}  # fmt: skip
    for found in of_kind(profile, "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = found["spec"]
        wanted = spec.get("podSelector") or spec["selector"]
        wanted = wanted.get("matchLabels", wanted)
        hit = {name for name, have in labels.items() if wanted.items() <= have.items()}
        mine = component(found)
        assert hit == (labels.keys() if mine == "all" else {mine})


def test_a_scaled_service_has_no_fixed_number_of_replicas() -> None:
    scaled = {component(o) for o in of_kind("cluster", "HorizontalPodAutoscaler", "ScaledObject")}
    assert scaled == {"gateway", "worker"}
    fixed = {component(o) for o in of_kind("cluster", "Deployment") if "replicas" in o["spec"]}
    assert fixed == {*SERVICES, "streams"} - scaled
    assert of_kind("default", "HorizontalPodAutoscaler", "ScaledObject") == []


def test_the_migration_ends_before_the_first_pod_of_a_new_version_starts() -> None:
    hook = named("default", "Job", "migrate")
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    # A hook comes before the chart's own accounts and settings: it may need none of them.
    assert pods("default")["migrate"]["serviceAccountName"] == "default"
    assert all("envFrom" not in each for each in containers(pods("default")["migrate"]))


def migration(values: dict[str, Any]) -> dict[str, Any]:
    rendered = objects_of(render({**values, "migrate": {"hook": False}}))
    return next(each for each in rendered if each["kind"] == "Job")


def test_without_hooks_each_version_migrates_in_a_job_of_its_own() -> None:
    """Tools without hooks apply what `helm template` gives: there the revision is always the first."""
    old, same, new = (migration(changed("image.tag", tag)) for tag in ("0.1.0", "0.1.0", "0.2.0"))
    assert old == same
    names = [job["metadata"]["name"] for job in (old, new)]
    assert names[0] != names[1], "a Job that is there already cannot be changed"
    assert all(re.fullmatch(rf"{RELEASE}-migrate-[0-9a-f]{{8}}-1", name) for name in names)
    assert "annotations" not in old["metadata"]


def test_an_image_is_named_by_its_digest_where_there_is_one() -> None:
    images = {name: pod["containers"][0]["image"] for name, pod in pods("cluster").items()}
    assert images["gateway"] == f"registry.example/grace/grace-gateway@sha256:{'1' * 64}"
    assert images["htm"] == "registry.example/grace/grace-htm:0.1.0"
    assert images["streams"] == images["migrate"] == "registry.example/grace/grace-installer:0.1.0"


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("services.gateway.replica", 3, "replica"),
        ("services.chat", {}, "chat"),
        ("services.htm.replicas", "two", "replicas"),
        ("services.htm.settings", {"LEASE": "PT60S"}, "LEASE"),
        ("services.htm.settings", {"ops_port": 8080}, "ops_port"),
        ("services.htm.settings", {"stop_grace": "PT120S"}, "stop_grace"),
        ("nats.url", "nats://nats:5222", "nats.port 4222"),
        ("services.gateway.from", [], "from"),
        ("services.htm.egress", [{}], "egress"),
        ("services.worker.egress", [{"to": [], "ports": [{"port": 5432}]}], "egress"),
        ("services.worker.egress", [{"to": [{"podSelector": {}}]}], "egress"),
        ("services.worker.keda.enabled", True, "serverAddress"),
        ("nats.url", "nats://somebody:password@nats:4222", "url"),
        ("postgres.password", "hunter2", "password"),
        ("postgres.sslMode", "verify-full", "caSecret"),
        ("image.digests", {"htm": "latest"}, "htm"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(path: str, value: object, told: str) -> None:
    with pytest.raises(helm.HelmError, match=told):
        render(changed(path, value))


def test_the_notes_name_what_is_not_safe_yet() -> None:
    assert "without TLS" in texts("default")[NOTES]
    assert "No target is registered" in texts("default")[NOTES]
    for worry in ("without TLS", "not checked", "No target", "policies are off"):
        assert worry not in texts("cluster")[NOTES]
