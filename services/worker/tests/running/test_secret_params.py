"""A parameter that is a secret: by name all the way, and the value in the program alone."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from grace.contracts.governance import HeldConsent
from grace.contracts.htm import Task, TaskSpec
from grace.contracts.worker import PreviewAction, SecretRefused, ValidateAction
from grace.kit import GraceError
from grace.resilience.retry import RetryPolicy
from grace.testkit import eventually
from grace.testkit.canary import everything, logged
from grace.testkit.consents import OWN
from grace.worker.kernels.command import run
from grace.worker.loops import guard

Floor = Any
Opener = Any
Shop = Any
CANARY = "4711081542"
# It says the secret as text and, where it is told to, as the one number that it says.
ECHO = ["/bin/sh", "-c", 'echo "$TOKEN"']
SILENT = ["/bin/sh", "-c", 'test "$TOKEN" = rotated-value && echo 1']


@pytest.fixture
def secret(shop: Shop, tmp_path: Path) -> Path:
    """The file of the secret `shop-api`, which the target `checks` may be given."""
    file = tmp_path / "api"
    file.write_text(CANARY + "\n")
    file.chmod(0o600)
    shop.toml += f"""
[secrets.shop-api]
file = "{file}"
[targets.checks]
kind = "command"
environment = "demo"
allow = {json.dumps([ECHO, SILENT])}
variables = ["TOKEN"]
"""
    return file


def held(**changes: Any) -> HeldConsent:
    values: dict[str, Any] = {
        "consent_id": "consent-1",
        "tenant_id": "default",
        "secret": "shop-api",
        "operation": "command.run",
        "target": "checks",
        "one_time": False,
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
    }
    return HeldConsent(**values | changes)


def look(at: Floor, argv: list[str] = ECHO, name: object = None) -> TaskSpec:
    given = {"argv": argv, "environment": {"TOKEN": name or {"secret": "shop-api"}}}
    spec: TaskSpec = at.spec(
        "observe",
        type="command.run.observe",
        kernel="command",
        operation="command.run",
        target="checks",
        params=json.dumps(given),
    )
    return spec


def telling(go_on: asyncio.Event) -> Any:
    """Look as ever, and first tell the secret as progress."""
    plain: Any = run.Run.observe

    async def observe(operation: Any, ctx: Any, params: Any) -> Any:
        ctx.tell(40, f"it has {ctx.secret(params.environment['TOKEN'])}")
        await go_on.wait()
        return await plain(operation, ctx, params)

    return observe


async def last_word(at: Floor, task_id: str) -> str | None:
    attempts = (await at.task(task_id)).attempts
    return attempts[-1].progress_message if attempts else None


async def refusals(at: Floor) -> list[SecretRefused]:
    found = await at.house.messages(SecretRefused.SUBJECT)
    return [SecretRefused.from_bytes(one.data) for one in found]


async def test_the_value_reaches_the_program_and_nothing_else(
    floor: Opener, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = RetryPolicy(first=timedelta(milliseconds=1))
    monkeypatch.setattr(guard, "_SETTINGS", replace(guard._SETTINGS, observing=soon))
    with capture_logs() as told:
        async with floor(beat_interval=timedelta(milliseconds=50)) as at:
            await at.consent(OWN, held())
            go_on = asyncio.Event()
            with monkeypatch.context() as patch:
                patch.setattr(run.Run, "observe", telling(go_on))
                task_id = await at.submit(look(at))
                progress = await eventually(lambda: last_word(at, task_id))
                go_on.set()
                assert (await at.ended(task_id)).status == "succeeded"
            assert progress == "it has [secret shop-api]"
            found = await at.result(look(at))
            assert (found["ok"], found["lines"], found["value"]) == (1, 1, "[secret shop-api]")
            assert set(found["says"]) == {"redacted"}

            def broken(_: int, said: str) -> Any:
                raise RuntimeError(f"cannot read {said}") from ValueError(said)

            monkeypatch.setattr(run, "summary", broken)
            task = await at.do(look(at).model_copy(update={"max_attempts": 1}))
            assert task.error_message == "RuntimeError: cannot read [secret shop-api]"
            kept = await everything(at.house)
    # By name it is there: as it was asked for, hashed and stored.
    assert '{"secret": "shop-api"}' in kept.replace("\\", "")
    assert CANARY not in kept
    assert "task.failed" in logged(told)
    assert CANARY not in logged(told)


async def test_without_a_consent_to_that_secret_nothing_runs_and_it_is_told(
    floor: Opener, secret: Path
) -> None:
    async with floor() as at:
        elsewhere = [held(target="bank"), held(operation="postgres.*"), held(secret="shop-eyes")]
        await at.consent(OWN, *elsewhere)
        task = await at.do(look(at))
        assert (task.status, task.error_class, task.attempt_number) == ("failed", "nonretryable", 1)
        why = "blocked: secret shop-api has no consent for command.run at checks: another person"
        assert (task.error_message or "").startswith(why)
        (told,) = await eventually(lambda: refusals(at))
        assert (told.secret, told.step, told.operation) == ("shop-api", "observe", "command.run")
        assert (told.target, told.task_id) == ("checks", task.task_id)


async def test_a_name_that_is_none_fails_before_anything_begins(
    floor: Opener, secret: Path
) -> None:
    async with floor() as at:
        await at.consent(OWN, held(secret="shop-apj"))
        wanted = look(at, name={"secret": "shop-apj"})
        why = "secret shop-apj is not in the targets file: name one that is, or add"
        task: Task = await at.do(wanted)
        assert (task.error_message or "").startswith(f"blocked: {why}")
        intent = await at.house.act_as("intent")
        question = ValidateAction(operation="command.run", target="checks", params=wanted.params)
        answer = await intent.call(question)
        assert (answer.valid, answer.problems[0].startswith(why)) == (False, True)


async def test_a_secret_that_was_changed_since_it_was_approved_is_used_as_it_is_now(
    floor: Opener, secret: Path
) -> None:
    async with floor() as at:
        await at.consent(OWN, held())
        assert (await at.result(look(at, SILENT)))["ok"] == 0
        secret.write_text("rotated-value\n")
        assert (await at.result(look(at, SILENT)))["ok"] == 1


async def test_a_value_is_refused_where_tasks_come_in_and_nowhere_kept(
    floor: Opener, secret: Path
) -> None:
    async with floor() as at:
        with pytest.raises(GraceError, match='TOKEN is a secret: give {"secret": "NAME"}') as why:
            await at.submit(look(at, name="literal-f00d"))
        assert (why.value.kind, "f00d" in why.value.detail) == ("invalid", False)
        assert "f00d" not in await everything(at.house)


def writing(at: Floor, step: str = "apply", **changes: Any) -> TaskSpec:
    """The task that puts `shop-api` into a file of the target `files`, permitted."""
    spec: TaskSpec = at.spec(
        step,
        type=f"filesystem.write_secret.{step}",
        kernel="filesystem",
        operation="filesystem.write_secret",
        target="files",
        params='{"path": "token", "content": {"secret": "shop-api"}}',
        **changes,
    )
    permitted: TaskSpec = at.permitted(spec)
    return permitted


async def test_a_revert_asks_for_the_secret_again_and_nobody_reads_it_in_between(
    floor: Opener, secret: Path
) -> None:
    with capture_logs() as told:
        async with floor() as at:
            file = floor.root / "token"
            file.write_text("the old one")
            await at.permit()
            intent = await at.house.act_as("intent")
            wanted = writing(at)
            params = {"operation": wanted.operation, "target": "files", "params": wanted.params}
            # A dry run needs no consent: it opens nothing.
            (change,) = (await intent.call(PreviewAction(**params))).changes
            assert json.loads(change.after) == {"secret": "shop-api"}
            assert (await at.do(wanted)).error_message.startswith("blocked: secret shop-api has no")
            assert (file.read_text(), await at.receipts()) == ("the old one", [])
            granted = held(operation="filesystem.*", target=None, target_class="filesystem")
            await at.consent(OWN, granted)
            applied = await at.result(wanted := writing(at))
            assert (file.read_text(), applied["after"]["matches"]) == (CANARY, 1)
            assert set(applied["after"]["content"]) == {"redacted"}
            back = writing(at, "revert", action_id=wanted.action_id)
            await at.consent(OWN)
            refused = await at.do(back)
            # Not `blocked: `: what is to be undone is there, and a person has to decide.
            assert (refused.error_message or "").startswith("secret shop-api has no consent")
            assert file.read_text() == CANARY
            await at.consent(OWN, granted)
            await at.result(back.model_copy(update={"key": "again"}))
            assert file.read_text() == "the old one"
            kept = await everything(at.house) + await opened(at)
    assert CANARY not in kept + logged(told)


async def opened(at: Floor) -> str:
    """What receipts hold behind the worker's key."""
    safe, found = at.worker.keys.safe, []
    for row in await at.receipts():
        for word, column in (
            ("before", "before_state"), ("after", "after_state"), ("result", "result"),
        ):  # fmt: skip
            place = f"effect_receipts|{row['action_id']}|{row['step']}|{word}"
            found.append(safe.open(row[column], place=place))
    assert len(found) == 6
    return "".join(found)
