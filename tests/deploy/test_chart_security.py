"""What a cluster's administrator looks for first: rights, secrets, and who may speak to whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grace.contracts.subjects import SERVICES

from .chart import (
    VALUES,
    Object,
    component,
    containers,
    named,
    objects,
    of_kind,
    pods,
    settings_of,
    texts,
)

USER = 10001
NATS, POSTGRES = 4222, 5432
profile = pytest.mark.parametrize("profile", tuple(VALUES))


def everything(profile: str) -> Iterator[tuple[str, Object]]:
    for name, pod in pods(profile).items():
        yield from ((f"{name}/{each['name']}", each) for each in containers(pod))


def ports_out(profile: str, name: str) -> set[int]:
    rules = named(profile, "NetworkPolicy", name)["spec"]["egress"]
    return {port["port"] for rule in rules for port in rule["ports"]}


@profile
def test_every_pod_keeps_to_the_restricted_profile(profile: str) -> None:
    for name, pod in pods(profile).items():
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] == security["runAsGroup"] == USER, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        assert all("hostPath" not in volume for volume in pod["volumes"]), name


@profile
def test_every_container_is_without_rights_and_without_a_writable_disk(profile: str) -> None:
    for name, container in everything(profile):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
        assert "memory" in container["resources"]["limits"], name


def test_no_pod_has_a_token_unless_the_worker_was_given_namespaces() -> None:
    with_token = {
        profile: {n for n, pod in pods(profile).items() if pod["automountServiceAccountToken"]}
        for profile in VALUES
    }
    assert with_token == {"default": set(), "cluster": {"worker"}}
    for each in of_kind("cluster", "ServiceAccount"):
        assert each["automountServiceAccountToken"] is False


def test_the_worker_may_touch_deployments_where_it_was_told_and_nothing_else() -> None:
    assert of_kind("default", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding") == []
    assert of_kind("cluster", "ClusterRole", "ClusterRoleBinding") == []
    roles = of_kind("cluster", "Role")
    assert {each["metadata"]["namespace"] for each in roles} == {"shop", "billing"}
    for rule in (rule for role in roles for rule in role["rules"]):
        assert set(rule["verbs"]) <= {"get", "list", "watch", "patch"}
        assert set(rule["resources"]) <= {"deployments", "deployments/scale", "pods"}
        assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
    bound = {s["name"] for b in of_kind("cluster", "RoleBinding") for s in b["subjects"]}
    assert bound == {"grace-worker"}


@profile
def test_no_secret_is_made_or_carried_by_the_chart(profile: str) -> None:
    assert of_kind(profile, "Secret") == []
    for name, container in everything(profile):
        for variable in container.get("env", []):
            assert "valueFrom" not in variable, f"{name}: secrets come as files"
    for service in SERVICES:
        words = ("PASSWORD", "SECRET", "SEED", "TOKEN", "KEY")
        named_so = {n for n in settings_of(profile, service) if any(w in n for w in words)}
        assert all(name.endswith("_FILE") for name in named_so), named_so


@profile
def test_every_pod_is_given_its_own_secrets_alone(profile: str) -> None:
    given = {
        name: {
            source["secret"]["name"]
            for volume in pod["volumes"]
            if volume["name"] == "given"
            for source in volume["projected"]["sources"]
        }
        for name, pod in pods(profile).items()
        if name != "migrate"
    }
    cluster = {"worker": {"grace-target-passwords"}, "verification": {"grace-source-tokens"}}
    extra = cluster if profile == "cluster" else {}
    owners = {**{s: s for s in SERVICES}, "streams": "installer"}
    assert given == {n: {f"grace-{o}"} | extra.get(n, set()) for n, o in owners.items()}


@profile
def test_grace_reads_copies_of_its_secrets_that_no_group_can_read(profile: str) -> None:
    """The gateway and identity refuse a key that a group can read, and Kubernetes mounts no other."""
    for name in {*SERVICES, "streams"}:
        own, service = pods(profile)[name]["initContainers"][0], pods(profile)[name]["containers"]
        assert own["args"] == ["own", "/given", "/run/secrets/grace"]
        assert [m["name"] for m in own["volumeMounts"]] == ["given", "secrets"]
        assert "given" not in {mount["name"] for mount in service[0]["volumeMounts"]}
        kept = next(v for v in pods(profile)[name]["volumes"] if v["name"] == "secrets")
        assert kept["emptyDir"]["medium"] == "Memory"


def test_the_migration_sees_passwords_and_no_keys() -> None:
    volume = next(v for v in pods("default")["migrate"]["volumes"] if v["name"] == "passwords")
    items = [item for s in volume["projected"]["sources"] for item in s["secret"]["items"]]
    assert {item["key"] for item in items} == {"postgres.password"}
    assert {item["path"] for item in items} == {
        f"{owner}/postgres.password" for owner in [*SERVICES, "postgres"]
    }


@profile
def test_nothing_goes_in_or_out_that_no_rule_names(profile: str) -> None:
    deny = named(profile, "NetworkPolicy", "default-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & deny.keys()
    for policy in of_kind(profile, "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            assert rule["to"], "an empty list is everybody"
            assert rule["ports"]
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"], "an empty list is everybody"
            assert rule["ports"]


def test_each_pod_reaches_what_it_needs_and_no_more() -> None:
    for name in SERVICES:
        assert ports_out("default", name) == {NATS, POSTGRES}
    assert ports_out("default", "streams") == {NATS}
    assert ports_out("default", "migrate") == {POSTGRES}
    assert ports_out("default", "dns") == {53}
    policies = {component(p) for p in of_kind("default", "NetworkPolicy")}
    assert policies == {*SERVICES, "streams", "migrate", "all"}


def test_only_the_gateway_is_spoken_to_and_metrics_only_by_monitoring() -> None:
    def opened(profile: str) -> dict[str, list[str]]:
        found = {}
        for policy in of_kind(profile, "NetworkPolicy"):
            rules = policy["spec"].get("ingress", [])
            found[component(policy)] = [p["port"] for rule in rules for p in rule["ports"]]
        return {name: ports for name, ports in found.items() if ports}

    assert opened("default") == {"gateway": ["http"]}
    assert opened("cluster") == {s: ["http", "ops"] if s == "gateway" else ["ops"] for s in SERVICES}  # fmt: skip
    assert [component(each) for each in of_kind("default", "Service")] == ["gateway"]


def test_certificates_are_checked_where_an_authority_is_named() -> None:
    for name in [*SERVICES, "streams", "migrate"]:
        own = pods("cluster")[name]["containers"][0]
        environment = {each["name"]: each["value"] for each in own["env"]}
        assert environment["PGSSLMODE"] == "verify-full"
        mounts = {mount["mountPath"] for mount in own["volumeMounts"]}
        for variable in ("PGSSLROOTCERT", "SSL_CERT_FILE"):
            assert environment[variable].removesuffix("/ca.crt") in mounts
    assert "SSL_CERT_FILE" not in texts("default")["templates/deployment.yaml"]


@profile
def test_every_object_is_labelled_for_who_cleans_up(profile: str) -> None:
    for found in objects(profile):
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "grace"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
