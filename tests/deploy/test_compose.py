"""docker-compose.yml: every service is there, closed, bounded, and started in the right order."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from grace.contracts.permissions import INSTALLER, OUTSIDE
from grace.contracts.subjects import SERVICES
from grace.stack.postgres import DURABLE

from .chart import ROOT
from .settings import read

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = {"nats", "postgres"}
JOBS = {"prepare", "migrate"}
OURS = {*SERVICES, *JOBS, "streams"}
SECRETS = "/run/secrets/grace"


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """Where each volume lies in a container, and whether it may be written."""
    found = {}
    for mount in CONTAINERS[name].get("volumes", []):
        # The default of a variable holds a colon of its own.
        source, target, *mode = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount).split(":")
        found[target] = (source, mode != ["ro"])
    return found


def test_every_service_has_a_container_and_nothing_else_has() -> None:
    assert CONTAINERS.keys() == OURS | SERVERS


def test_every_image_of_ours_comes_from_the_one_dockerfile() -> None:
    for name in OURS:
        build = CONTAINERS[name]["build"]
        made_of = name if name in SERVICES else INSTALLER
        assert (build["context"], build["args"]["SERVICE"]) == (".", made_of)
        assert (ROOT / build["dockerfile"]).is_file()
        assert CONTAINERS[name]["image"].startswith(f"grace-{made_of}:")


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_every_container_is_without_rights_and_bounded(name: str) -> None:
    container = CONTAINERS[name]
    user, _, group = container["user"].partition(":")
    assert user.isdecimal()
    assert int(user) > 0
    assert int(group) > 0
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "pid", "ipc"} & container.keys()
    assert container["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert container["logging"]["options"].keys() == {"max-size", "max-file"}


def test_only_rest_is_reached_from_this_machine_and_only_from_it() -> None:
    ports = {name: c["ports"] for name, c in CONTAINERS.items() if "ports" in c}
    assert ports == {"gateway": ["127.0.0.1:${GRACE_PORT:-8000}:8000"]}


def test_only_who_must_has_a_way_out() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    out = {name for name, c in CONTAINERS.items() if "outside" in c.get("networks", [])}
    assert out == {"gateway", "worker"}
    asking = {name for name, c in CONTAINERS.items() if "sources" in c.get("networks", [])}
    assert asking == {"verification"}  # it measures, and has no way to where the worker acts
    assert CONTAINERS["prepare"]["network_mode"] == "none"
    assert all("inside" in CONTAINERS[name]["networks"] for name in CONTAINERS.keys() - {"prepare"})


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting_of_its_service(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read(service, CONTAINERS[service]["environment"], monkeypatch)
    assert found.nats_url == "nats://nats:4222"
    assert found.postgres_host == "postgres"
    for field, value in found.model_dump().items():
        if field.endswith("_file") and value is not None:
            assert str(value.parent) in mounts(service), f"{field}: {value}"
    grace = CONTAINERS[service]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > found.stop_grace.total_seconds()


def test_every_container_is_given_its_own_secrets_alone() -> None:
    for name in SERVICES:
        secret = {s for s, _ in mounts(name).values() if s.startswith("secrets-")}
        assert secret == {f"secrets-{name}"}
        assert mounts(name)[SECRETS] == (f"secrets-{name}", False)
    assert mounts("streams") == {SECRETS: (f"secrets-{INSTALLER}", False)}
    assert mounts("postgres")[SECRETS] == ("secrets-postgres", False)
    assert mounts("nats") == {"/nats": ("nats", True)}


def test_the_first_job_fills_every_volume_and_the_migration_reads_the_passwords() -> None:
    owners = {*SERVICES, INSTALLER, OUTSIDE, "postgres"}
    wanted = {f"/volumes/{owner}": (f"secrets-{owner}", True) for owner in owners}
    assert mounts("prepare") == wanted | {"/volumes/nats": ("nats", True)}
    read_by = {*SERVICES, "postgres"}
    assert mounts("migrate") == {f"/secrets/{o}": (f"secrets-{o}", False) for o in read_by}


def test_no_secret_stands_in_the_file() -> None:
    for name, container in CONTAINERS.items():
        for variable in container.get("environment", {}):
            if any(word in variable for word in ("PASSWORD", "SECRET", "KEY", "TOKEN", "SEED")):
                assert variable.endswith("_FILE"), f"{name}: {variable}"


def test_every_volume_and_network_is_declared_and_used() -> None:
    used = {s for n in CONTAINERS for s, _ in mounts(n).values() if not s.startswith(".")}
    assert used == COMPOSE["volumes"].keys()
    joined = {network for c in CONTAINERS.values() for network in c.get("networks", [])}
    assert joined == COMPOSE["networks"].keys()


@pytest.mark.parametrize(
    ("service", "folder"), [("worker", "targets"), ("verification", "sources")]
)
def test_the_folder_of_targets_and_that_of_sources_are_there_and_allow_nothing(
    service: str, folder: str
) -> None:
    source, writable = mounts(service)[f"/etc/grace/{folder}"]
    assert not writable
    lines = (ROOT / source / f"{folder}.toml").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") for line in lines)


def test_everything_starts_after_what_it_needs() -> None:
    for name, container in CONTAINERS.items():
        for other, how in container.get("depends_on", {}).items():
            condition = how["condition"]
            if condition == "service_completed_successfully":
                assert CONTAINERS[other]["restart"] == "no", f"{name} would wait for ever"
            if condition == "service_healthy":
                assert CONTAINERS[other]["healthcheck"]["test"], f"{name} would wait for ever"
    for service in SERVICES:
        assert CONTAINERS[service]["depends_on"].keys() == {"migrate", "nats", "streams"}
    for server in SERVERS:
        assert CONTAINERS[server]["depends_on"].keys() == {"prepare"}


def test_everything_that_stays_tells_how_it_is_and_comes_back() -> None:
    for name in CONTAINERS.keys() - JOBS - {"streams"}:
        assert CONTAINERS[name]["restart"] == "unless-stopped"
        assert CONTAINERS[name]["healthcheck"]["test"][0] == "CMD", "no shell is needed"


def test_postgres_is_as_durable_as_the_embedded_one() -> None:
    options = [part for part in CONTAINERS["postgres"]["command"] if "=" in part]
    assert dict(option.split("=") for option in options) == DURABLE


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    != 0,
    reason="docker compose is not installed here: the rules above are the check",
)
def test_docker_compose_takes_it() -> None:
    command = ["docker", "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
