"""The command line as people and scripts use it: what it prints, and how it ends."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import typer
from typer.testing import CliRunner

from grace.client import (
    Conflict,
    GraceClientError,
    NotFound,
    PlanAltered,
    ServerFailed,
    Stale,
    Unauthenticated,
    Unreachable,
)
from grace.client.cli import build
from grace.client.cli.session import exit_code, read_token
from grace.stack.ports import free_port

OpenGrace = Callable[..., Any]


class Where(Protocol):
    url: str
    key_file: Path


class Ended(Protocol):
    exit_code: int
    stdout: str
    stderr: str


async def grace(
    where: Where, *words: str, key_file: Path | None = None, typed: str | None = None
) -> Ended:
    """Run `grace` in a thread, since the gateway lives in this loop."""
    options = ["--url", where.url, "--key-file", str(key_file or where.key_file)]
    return await asyncio.to_thread(CliRunner().invoke, build(), [*options, *words], typed)


async def key_of(where: Where, principal: str, folder: Path, *scopes: str) -> Path:
    flags = [flag for scope in scopes for flag in ("--scope", scope)]
    made = await grace(where, "--json", "keys", "make", principal, *flags)
    assert made.exit_code == 0, made.stderr
    file = folder / f"{principal}.key"
    file.write_text(json.loads(made.stdout)["token"])
    return file


async def test_a_plan_is_shown_and_approved(open_grace: OpenGrace, tmp_path: Path) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        ada = await key_of(place, "ada", tmp_path, "approvals:read", "approvals:decide")
        listed = await grace(place, "--json", "approvals", "list", "--status", "pending")
        assert json.loads(listed.stdout)[0]["approval_id"] == approval.approval_id
        words = ("approvals", "approve", approval.approval_id)
        refused = await grace(place, *words, key_file=ada, typed="n\n")
        assert refused.exit_code == 1
        approved = await grace(place, *words, key_file=ada, typed="y\n")
        assert approved.exit_code == 0, approved.stderr
        assert "postgres.set_database_setting on shop-db" in approved.stdout
        assert "granted" in approved.stdout
        again = await grace(place, *words, "--yes", key_file=ada)
        assert (again.exit_code, "decided already" in again.stderr) == (5, True)


async def test_who_asked_is_denied(open_grace: OpenGrace) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        denied = await grace(place, "approvals", "reject", approval.approval_id, "--yes")
        assert denied.exit_code == 4
        assert "somebody else has to" in denied.stderr


async def test_a_mission_that_was_not_verified_ends_with_one(open_grace: OpenGrace) -> None:
    async with open_grace("verification") as place:
        mission_id = await place.open_mission()
        waiting = await grace(place, "missions", "wait", mission_id, "--timeout", "0.3")
        assert waiting.exit_code == 6
        await place.block(mission_id)
        ended = await grace(place, "--json", "missions", "wait", mission_id, "--timeout", "10")
        assert (ended.exit_code, json.loads(ended.stdout)["status"]) == (1, "blocked")
        timeline = await grace(place, "--json", "missions", "timeline", mission_id)
        assert json.loads(timeline.stdout)[0]["subject"] == "error.captured"


async def test_each_way_to_end_has_its_exit_code(open_grace: OpenGrace, tmp_path: Path) -> None:
    async with open_grace("verification") as place:
        assert (await grace(place, "missions", "show", "mission-none")).exit_code == 3
        assert (await grace(place, "missions", "list", "--status", "odd")).exit_code == 2
        assert (await grace(place, "approvals", "list")).exit_code == 6
        assert (await grace(place, "health")).exit_code == 1
        wrong = tmp_path / "wrong.key"
        wrong.write_text("grace_" + "x" * 43)
        denied = await grace(place, "missions", "list", key_file=wrong)
        assert denied.exit_code == 4
        assert denied.stderr.startswith("grace: ")
        missing = await grace(place, "missions", "list", key_file=tmp_path / "none")
        assert missing.exit_code == 2


def test_a_gateway_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    key = tmp_path / "a.key"
    key.write_text("grace_" + "x" * 43)
    url = f"http://127.0.0.1:{free_port()}"
    ended = CliRunner().invoke(build(), ["--url", url, "--key-file", str(key), "health"])
    assert ended.exit_code == 6
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x", status=404), 3),
        (Unauthenticated("x", status=401), 4),
        (Conflict("x", status=409), 5),
        (Stale("x", status=412), 5),
        (Unreachable("x"), 6),
        (ServerFailed("x", status=500), 1),
        (PlanAltered("x"), 1),
    ],
)
def test_every_failure_has_an_exit_code(error: GraceClientError, code: int) -> None:
    assert exit_code(error) == code


def test_a_given_key_is_preferred_to_a_file_and_a_file_to_the_local_one(tmp_path: Path) -> None:
    local, other = tmp_path / "local", tmp_path / "other"
    local.write_text("local\n")
    other.write_text("other\n")
    assert read_token("given", other, local) == "given"
    assert read_token(None, other, local) == "other"
    assert read_token(None, None, local) == "local"
    assert read_token(None, None, tmp_path / "none") == ""
    with pytest.raises(typer.BadParameter):
        read_token(None, tmp_path / "none", local)


def test_the_commands_of_the_stack_are_there_where_it_is_installed() -> None:
    shown = CliRunner().invoke(build(), ["--help"]).stdout
    assert all(word in shown for word in ("missions", "approvals", "keys", "up", "doctor"))
