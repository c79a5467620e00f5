"""The command line as people and scripts use it: what it prints, and how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from grace.client import (
    Conflict,
    GraceClientError,
    NotFound,
    Patience,
    PlanAltered,
    RateLimited,
    ServerFailed,
    Stale,
    TooLarge,
    Unauthenticated,
    Unreachable,
    Unsendable,
)
from grace.client.cli import build
from grace.client.cli.session import Format, Session, exit_code
from grace.client.sync import connection
from grace.kit import new_id
from grace.stack.ports import free_port
from grace.testkit import eventually
from grace.transparency import encode_verifier_key

from .conftest import captured

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


async def told(where: Where, *words: str, ends: int = 0) -> Any:
    """What a command tells programs."""
    ended = await grace(where, *words, "--output", "json")
    assert ended.exit_code == ends, ended.stderr
    return json.loads(ended.stdout)


async def key_of(where: Where, principal: str, folder: Path, *scopes: str) -> Path:
    flags = [flag for scope in scopes for flag in ("--scope", scope)]
    made = await told(where, "keys", "make", principal, *flags)
    file = folder / f"{principal}.key"
    file.write_text(made["token"])
    return file


async def test_a_plan_is_shown_and_approved(open_grace: OpenGrace, tmp_path: Path) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        words = ("approvals", "approve", approval.approval_id)
        denied = await grace(place, "approvals", "reject", approval.approval_id, "--yes")
        assert (denied.exit_code, "somebody else has to" in denied.stderr) == (4, True)
        ada = await key_of(place, "ada", tmp_path, "approvals:read", "approvals:decide")
        listed = await told(place, "approvals", "list", "--status", "pending")
        assert listed[0]["approval_id"] == approval.approval_id
        refused = await grace(place, *words, key_file=ada, typed="n\n")
        assert refused.exit_code == 1
        other = await grace(place, *words, "--yes", "--shown-hash", "0" * 64, key_file=ada)
        assert (other.exit_code, "not the plan" in other.stderr) == (1, True)
        approved = await grace(
            place, *words, "--shown-hash", approval.shown_hash, key_file=ada, typed="y\n"
        )
        assert approved.exit_code == 0, approved.stderr
        assert "postgres.set_database_setting on shop-db" in approved.stdout
        assert "granted" in approved.stdout
        again = await grace(place, *words, "--yes", key_file=ada)
        assert (again.exit_code, "decided already" in again.stderr) == (5, True)


async def test_glass_is_broken_by_one_person_and_reviewed_by_another(
    open_grace: OpenGrace, tmp_path: Path
) -> None:
    async with open_grace("governance", "verification") as place:
        identity = (await place.ask_for_approval()).approval_id
        scopes = ("approvals:read", "approvals:decide", "approvals:break-glass")
        ada, bob = [await key_of(place, name, tmp_path, *scopes) for name in ("ada", "bob")]
        for name in ("ada", "bob"):
            seated = await told(place, "approvers", "seat", name, "--group", "dba")
            assert (seated["principal"], seated["group"]) == (name, "dba")
        lent = ("approvals", "delegate", identity, "cyd", "--reason", "away")
        assert (await grace(place, *lent, key_file=ada)).exit_code == 0
        shown = await told(place, "approvals", "show", identity)
        assert [each["delegated_to"] for each in shown["delegations"]] == ["cyd"]
        broken = ("approvals", "break-glass", identity, "--yes", "--reason", "checkout is down")
        assert (await grace(place, *broken)).exit_code == 4
        assert (await grace(place, *broken, key_file=bob)).exit_code == 0
        (review,) = await told(place, "reviews", "list", "--status", "open")
        done = ("reviews", "complete", review["review_id"], "justified", "--note", "looked at it")
        assert (await grace(place, *done, key_file=bob)).exit_code == 4
        assert (await grace(place, *done, key_file=ada)).exit_code == 0
        assert (await told(place, "reviews", "show", review["review_id"]))["reviewed_by"] == "ada"
        gone = await told(place, "approvers", "remove", "bob")
        assert gone["removed_by"] == "admin"
        names = [each["principal"] for each in await told(place, "approvers", "list")]
        assert names == ["ada", "bob"]


async def test_a_mission_that_was_not_verified_ends_with_one(open_grace: OpenGrace) -> None:
    async with open_grace("verification") as place:
        mission_id = await place.open_mission()
        words = ("-o", "json", "missions", "wait", mission_id, "--timeout", "0.3")
        waiting = await grace(place, *words)
        assert (waiting.exit_code, waiting.stdout) == (6, "")
        assert waiting.stderr.count("\n") == 1  # no progress where nobody looks
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TTY_COMPATIBLE", "1")  # rich takes it for a terminal
            watched = await grace(place, *words)
        assert (watched.exit_code, watched.stdout) == (6, "")
        assert f"{mission_id}: open" in watched.stderr
        await place.block(mission_id)
        ended = await told(place, "missions", "wait", mission_id, "--timeout", "10", ends=1)
        assert ended["status"] == "blocked"
        timeline = await told(place, "missions", "timeline", mission_id)
        assert timeline[0]["subject"] == "error.detected"
        shown = await grace(place, "--output", "yaml", "missions", "show", mission_id)
        assert yaml.safe_load(shown.stdout)["reason"] == "no playbook fits"
        table = await grace(place, "missions", "list")
        assert mission_id in table.stdout
        assert (await grace(place, "missions", "show", "mission-none")).exit_code == 3
        assert (await grace(place, "missions", "list", "--status", "odd")).exit_code == 2


async def test_each_way_to_end_has_its_exit_code(
    open_grace: OpenGrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "Patience", partial(Patience, attempts=1))
    async with open_grace() as place:
        assert (await grace(place, "approvals", "list")).exit_code == 6
        assert (await grace(place, "health")).exit_code == 1
        assert (await grace(place, "tasks", "show", "")).exit_code == 2
        wrong = tmp_path / "wrong.key"
        wrong.write_text("grace_" + "x" * 43)
        denied = await grace(place, "missions", "list", key_file=wrong)
        assert denied.exit_code == 4
        assert denied.stderr.startswith("grace: ")
        missing = await grace(place, "missions", "list", key_file=tmp_path / "none")
        assert missing.exit_code == 2
        await key_of(place, "ada", tmp_path, "keys:read")
        await told(
            place, "keys", "make", "eve", "--scope", "keys:read", "--name", "\x1b[2J\u202eevil"
        )
        listed = await grace(place, "keys", "list")
        assert "\\x1b[2J\\u202eevil" in listed.stdout
        assert "\x1b" not in listed.stdout


async def test_the_log_is_checked_here(open_grace: OpenGrace, tmp_path: Path) -> None:
    async with open_grace("identity") as place:
        await place.intent.report(captured(f"mission-{new_id()}"))
        proof = await eventually(lambda: proven(place), timeout=20)
        head = await told(place, "log", "checkpoint")
        pinned = ("--log-key", head["verifier_key"])
        whole = await told(place, "log", "verify", *pinned)
        assert (whole["verified"], whole["log_key_was_given"]) == (True, True)
        assert whole["entries"] == whole["size"] > 0
        entries = await told(place, "log", "entries")
        named = ("--message-id", entries[0]["message_id"])
        one = await told(place, "log", "verify", *named)
        assert (one["message_id"], one["log_key_was_given"]) == (named[1], False)
        stranger = Ed25519PrivateKey.generate().public_key()
        key = encode_verifier_key(head["verifier_key"].partition("+")[0], stranger)
        forged = await grace(place, "log", "verify", "--log-key", key)
        assert (forged.exit_code, forged.stdout) == (1, "")
        for words in ((), named):
            blank = await grace(place, "log", "verify", *words, "--log-key", "")
            assert (blank.exit_code, blank.stdout) == (1, "")
    saved = tmp_path / "proof.json"
    saved.write_text(json.dumps(proof))
    # Nobody is there any more to ask.
    assert (await told(place, "log", "verify", "--proof", str(saved), *pinned))["index"] == 0
    saved.write_text(json.dumps({**proof, "index": "1"}))
    altered = await grace(place, "log", "verify", "--proof", str(saved), *pinned)
    assert (altered.exit_code, altered.stdout) == (1, "")
    saved.write_text(json.dumps(proof))
    unpinned = await grace(place, "log", "verify", "--proof", str(saved))
    assert (unpinned.exit_code, "--log-key" in unpinned.stderr) == (2, True)
    # A script's variable that is not set names no key, and least of all the log's own.
    blank = await grace(place, "log", "verify", "--proof", str(saved), "--log-key", "")
    assert (blank.exit_code, blank.stdout) == (1, "")
    saved.write_text("{}")
    assert (await grace(place, "log", "verify", "--proof", str(saved), *pinned)).exit_code == 2


async def proven(where: Where) -> Any:
    ended = await grace(where, "--json", "log", "proof", "--index", "0")
    return json.loads(ended.stdout) if ended.exit_code == 0 else None


async def test_events_are_lines_for_programs(open_grace: OpenGrace) -> None:
    async with open_grace() as place:
        missions = [f"mission-{new_id()}" for _ in range(2)]
        for mission_id in missions:
            await place.intent.report(captured(mission_id))
        words = ("events", "follow", "--subject", "error.captured", "--after", "0", "--limit", "2")
        followed = await grace(place, *words, "-o", "json")
        lines = [json.loads(line) for line in followed.stdout.splitlines()]
        assert [line["data"]["mission_id"] for line in lines] == missions
        in_yaml = await grace(place, *words, "-o", "yaml")
        assert list(yaml.safe_load_all(in_yaml.stdout)) == lines
        for_people = await grace(place, *words)
        assert [line.split()[1] for line in for_people.stdout.splitlines()] == [
            "error.captured"
        ] * 2
        assert (await grace(place, "events", "follow", "--subject", "no.such")).exit_code == 2


async def test_what_people_hand_in_is_taken(open_grace: OpenGrace, tmp_path: Path) -> None:
    async with open_grace("intent", "knowledge", "observability", "verification") as place:
        intent = tmp_path / "intent.yaml"
        intent.write_text("goal: orders can be placed again\ndomain: weather\nsla_ms: 60000\n")
        dry = await told(place, "submit", "--file", str(intent), "--dry-run")
        assert (dry["decision"], await told(place, "intents", "list")) == ("block", [])
        words = ("submit", "--file", str(intent), "--idempotency-key", "first")
        submitted = await told(place, *words)
        assert submitted["goal"] == "orders can be placed again"
        assert (await told(place, *words))["intent_id"] == submitted["intent_id"]
        other = await grace(place, *words, "--goal", "something else")
        assert other.exit_code == 2
        ended = await told(
            place, "intents", "wait", submitted["intent_id"], "--timeout", "20", ends=1
        )
        assert ended["status"] == "blocked"
        assert [i["intent_id"] for i in await told(place, "intents", "list")] == [
            submitted["intent_id"]
        ]
        reported = await told(
            place,
            "error",
            "--kind",
            "weather.storm",
            "--target",
            "shop-db",
            "--message",
            "it blows",
        )
        assert len(reported["message_ids"]) == 1
        half = await grace(place, "error", "--kind", "weather.storm")
        assert (half.exit_code, "give --target" in half.stderr) == (2, True)
        await knowledge_is_found(place, tmp_path)
        await the_state_of_everything_is_told(place)


async def knowledge_is_found(place: Where, tmp_path: Path) -> None:
    runbook = tmp_path / "runbook.md"
    runbook.write_text("When orders hang, look for a session that is idle in transaction.")
    taken = await told(place, "knowledge", "ingest", str(runbook), "--type", "runbook")
    again = await told(place, "knowledge", "ingest", str(runbook), "--type", "runbook")
    assert (again["artifact_id"], again["duplicate"]) == (taken["artifact_id"], True)
    found = await told(place, "knowledge", "search", "orders hang")
    assert found["hits"][0]["artifact_id"] == taken["artifact_id"]
    assert "looked for" in (await grace(place, "-o", "table", "knowledge", "search", "a")).stderr
    shown = await told(place, "knowledge", "show", taken["artifact_id"])
    assert (shown["title"], shown["content"]) == ("runbook", runbook.read_text())
    assert (await told(place, "knowledge", "stats"))["total_artifacts"] == 1
    assert (await grace(place, "knowledge", "ingest", "-", typed="text")).exit_code == 2


async def the_state_of_everything_is_told(place: Where) -> None:
    # Most services do not run here, and that is no healthy Grace.
    status = await told(place, "status", ends=1)
    assert status["status"] != "healthy"
    table = await grace(place, "status")
    assert (table.exit_code, "verification" in table.stdout) == (1, True)
    assert await told(place, "alerts", "--status", "resolved") == []


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
        (RateLimited("x", status=429), 6),
        (TooLarge("x", status=413), 2),
        (Unsendable("x"), 2),
        (ServerFailed("x", status=500), 1),
        (PlanAltered("x"), 1),
    ],
)
def test_every_failure_has_an_exit_code(error: GraceClientError, code: int) -> None:
    assert exit_code(error) == code


def test_a_key_comes_from_a_file_or_the_environment_and_stays_on_this_machine(
    tmp_path: Path,
) -> None:
    local, other = tmp_path / "local", tmp_path / "other"
    local.write_text("local\n")
    other.write_text("other\n")

    def token(url: str, given: str | None = None, file: Path | None = None) -> str:
        return Session(url, given, file, local, Format.TABLE).read_token()

    assert token("http://127.0.0.1", "given", other) == "other"
    assert token("http://127.0.0.1", "given") == "given"
    assert token("http://localhost:8000") == "local"
    assert token("https://grace.example") == ""
    assert token("https://grace.example", file=other) == "other"


def test_a_url_that_is_none_is_one_line() -> None:
    for url in ("", "http://[::1", "ftp://x", "http://127.0.0.1:99999"):
        ended = CliRunner().invoke(build(), ["--url", url, "health"])
        assert (ended.exit_code, ended.stderr.count("\n"), ended.stdout) == (2, 1, "")


def test_an_answer_that_cannot_be_written_is_one_line() -> None:
    command = [str(Path(sys.executable).with_name("grace")), "--help"]
    pipe = subprocess.PIPE
    for unbuffered in ("", "1"):  # it fails at once, or with all that was kept for writing
        given = {"PYTHONUNBUFFERED": unbuffered}
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run(command, stdout=full, stderr=pipe, check=False, env=given)
        assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1)


def test_a_key_on_the_command_line_is_refused() -> None:
    ended = CliRunner().invoke(build(), ["--api-key", "grace_x", "health"])
    assert (ended.exit_code, "--key-file" in ended.stderr) == (2, True)


def test_the_commands_of_the_stack_are_there_where_it_is_installed() -> None:
    shown = CliRunner().invoke(build(), ["--help"]).stdout
    assert all(word in shown for word in ("missions", "approvals", "keys", "up", "doctor"))
    assert "Exit codes:" in shown


async def test_a_closed_pipe_and_an_interrupt_are_quiet(open_grace: OpenGrace) -> None:
    async with open_grace() as place:
        await place.intent.report(captured(f"mission-{new_id()}"))
        words = ("events", "follow", "--subject", "error.captured", "--after", "0", "-o", "json")
        command = [str(Path(sys.executable).with_name("grace")), *words]
        environment = os.environ | {
            "GRACE_URL": place.url,
            "GRACE_API_KEY_FILE": str(place.key_file),
        }

        def started() -> subprocess.Popen[bytes]:
            pipe = subprocess.PIPE
            following = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe)
            assert following.stdout
            assert b"error.captured" in following.stdout.readline()
            return following

        def interrupted() -> tuple[int, bytes]:
            with started() as following:
                following.send_signal(signal.SIGINT)
                return following.wait(20), following.stderr.read()

        def left_alone() -> tuple[int, bytes]:
            with started() as following:
                following.stdout.close()
                return following.wait(20), following.stderr.read()

        assert await asyncio.to_thread(interrupted) == (130, b"")
        assert await asyncio.to_thread(left_alone) == (1, b"")
