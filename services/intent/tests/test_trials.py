"""What would be done is said without doing it: for an intent, a recorded mission, a playbook."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grace.contracts.intent import (
    CheckPlaybook,
    DeclareFreeze,
    EndFreeze,
    ErrorDetected,
    ImportPlaybook,
    IntentSubmit,
    PlaybookImported,
    PreviewIntent,
    ReplayMission,
    RunShadow,
)
from grace.kit import Conflict, Invalid, NotFound, Runtime
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]
FREEZE = DeclareFreeze(tenant_id="default", principal="ada", reason="fair", mode="wait", days=())
ROTATE = """\
playbook: log-too-large
version: 1
trigger:
  condition: kind == "filesystem.log_too_large"
steps:
  - action:
      operation: filesystem.rotate_log
      params: {path: app.log}
    measurement:
      operation: filesystem.usage
      params: {path: .}
    expectations:
      - {field: bytes, comparison: at_most, value: 1000}
"""
INTENT = IntentSubmit(
    intent_id="i", goal="Room", domain="filesystem", sla_ms=1000, kind="filesystem.log_too_large", target="app-1"
)  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that has grown."""
    file = tmp_path / "app" / "app.log"
    file.parent.mkdir()
    file.write_text("x" * 5_000)
    return file


@pytest.fixture
async def gateway(house: House, log: Path, tmp_path: Path) -> AsyncIterator[Runtime]:
    """The gateway, beside intent and a worker with one folder as a target."""
    targets = tmp_path / "targets.toml"
    targets.write_text(
        f'[targets.app-1]\nkind = "filesystem"\nenvironment = "test"\nroot = "{log.parent}"\n'
    )
    async with house.running("intent", "worker", worker={"targets_file": targets}):
        yield await house.act_as("gateway")


async def test_a_playbook_is_checked_by_line_and_imported_once_under_its_hash(
    house: House, gateway: Runtime
) -> None:
    async def wrong(text: str) -> list[tuple[int, str]]:
        checked = await gateway.call(CheckPlaybook(source=text))
        assert not checked.valid
        return [(one.line, one.text) for one in checked.problems]

    assert (await gateway.call(CheckPlaybook(source=ROTATE))).valid
    ((line, text),) = await wrong(ROTATE.replace("rotate_log", "rotate_lgo"))
    assert line == 7
    assert "filesystem.rotate_lgo is not an operation of this worker: name one" in text
    ((line, text),) = await wrong(ROTATE.replace("{path: app.log}", "{paht: app.log}"))
    assert (line, "playbook.steps[0].action: filesystem.rotate_log" in text) == (8, True)
    ((line, text),) = await wrong(ROTATE.replace("kind ==", "knd =="))
    assert (line, "did you mean kind?" in text) == (4, True)
    with pytest.raises(Invalid, match="line 7: .*not an operation"):
        await _import(gateway, ROTATE.replace("rotate_log", "rotate_lgo"))
    # A complaint repeats what is wrong: so much of it as an answer holds, and only what prints.
    long = f"params: {{path: ., blob: !!binary {'eHh4' * 3000}}}"
    ((line, text),) = await wrong(ROTATE.replace("params: {path: .}", long))
    assert (line, len(text)) == (11, 2_000)
    odd = ROTATE.replace("version: 1", 'version: 1\n"a\\0b": 1')
    ((_, text),) = await wrong(odd)
    assert "playbook: unknown a b; known are" in text
    with pytest.raises(Invalid, match="unknown a b; known are"):
        await _import(gateway, odd)
    first = await _import(gateway, ROTATE)
    assert first == await _import(gateway, ROTATE)
    with pytest.raises(Conflict, match="pinned to another text: raise the version to 2"):
        await _import(gateway, ROTATE + "# changed\n")
    await _import(gateway, ROTATE.replace("version: 1", "version: 3"))
    with pytest.raises(Conflict, match="version 3 is in force: raise the version to 4"):
        await _import(gateway, ROTATE.replace("version: 1", "version: 2"))
    told = await eventually(lambda: house.messages(PlaybookImported.SUBJECT))
    assert PlaybookImported.from_bytes(told[0].data).content_hash == first.content_hash


async def test_a_dry_run_says_each_change_and_changes_nothing(
    house: House, gateway: Runtime, log: Path
) -> None:
    question = PreviewIntent(tenant_id="default", requested_by="ada", intent=INTENT)
    blocked = await gateway.call(question)
    assert (blocked.decision, blocked.steps) == ("block", ())
    assert "no playbook answers filesystem.log_too_large" in (blocked.reason or "")
    await _import(gateway, ROTATE)
    found = await gateway.call(question)
    assert (found.decision, found.playbook, found.playbook_version) == ("plan", "log-too-large", 1)
    (step,) = found.steps
    assert (step.operation, step.target, step.tier, step.planned) == (
        "filesystem.rotate_log", "app-1", 2, True,
    )  # fmt: skip
    assert json.loads(step.params) == {"path": "app.log"}
    assert step.changes
    assert not step.problems
    assert found.considered[0].chosen
    ends = datetime.now(UTC) + timedelta(hours=1)
    for where in ({"target": "app-2"}, {"environment": "test"}):
        freeze = await gateway.call(FREEZE.model_copy(update={"ends_at": ends, **where}))
    frozen = await gateway.call(question)
    assert (frozen.decision, frozen.playbook, frozen.steps) == (
        "wait",
        "log-too-large",
        found.steps,
    )
    assert (frozen.reason or "").startswith(f"change freeze {freeze.freeze_id} (fair): planned at")
    end = EndFreeze(tenant_id="default", freeze_id=freeze.freeze_id, principal="bob")
    await gateway.call(end)
    assert await gateway.call(question) == found
    log.unlink()
    (step,) = (await gateway.call(question)).steps
    assert step.problems or not step.changes
    for table in ("missions", "intents", "signals"):
        assert not await house.rows("intent", f"SELECT FROM {table}")
    assert not await house.messages("agentic.action_planned")
    assert [path.name for path in log.parent.iterdir()] == []


async def test_recorded_missions_are_decided_about_once_more(
    house: House, gateway: Runtime, report: Report, make_error: MakeError
) -> None:
    kind = "filesystem.log_too_large"
    await report(make_error(kind=kind, target="app-1"), make_error(kind="other", target="app-1"))

    async def both_blocked() -> list[Any] | None:
        rows = await house.rows("intent", "SELECT * FROM missions WHERE status = 'blocked'")
        return rows if len(rows) == 2 else None

    rows = {row["kind"]: row["mission_id"] for row in await eventually(both_blocked)}
    question = ReplayMission(tenant_id="default", mission_id=rows[kind])
    today = await gateway.call(question)
    assert (today.preview.decision, today.differs, today.recorded.status) == (
        "block", False, "blocked",
    )  # fmt: skip
    tried = await gateway.call(question.model_copy(update={"playbook": ROTATE}))
    assert (tried.preview.decision, tried.preview.playbook, tried.differs) == (
        "plan", "log-too-large", True,
    )  # fmt: skip
    assert [step.operation for step in tried.preview.steps] == ["filesystem.rotate_log"]
    with pytest.raises(Invalid, match="line 1: playbook: unknown playbok"):
        await gateway.call(question.model_copy(update={"playbook": "playbok: x"}))
    with pytest.raises(NotFound):
        await gateway.call(question.model_copy(update={"tenant_id": "other"}))
    since = datetime.now(UTC) - timedelta(hours=1)
    shadow = RunShadow(tenant_id="default", since=since, limit=500, playbook=ROTATE)
    seen = await gateway.call(shadow)
    assert (seen.missions, seen.planned, seen.blocked, seen.differing) == (2, 1, 1, 1)
    (other,) = [one for one in seen.items if one.differs]
    assert (other.recorded.mission_id, other.playbook) == (rows[kind], "log-too-large")
    later = shadow.model_copy(update={"since": datetime.now(UTC) + timedelta(hours=1)})
    assert (await gateway.call(later)).missions == 0
    assert len(await both_blocked() or ()) == 2
    assert not await house.rows("intent", "SELECT FROM playbooks WHERE name = 'log-too-large'")


async def test_another_text_under_the_same_version_is_another_decision(
    house: House, gateway: Runtime, report: Report, make_error: MakeError
) -> None:
    await _import(gateway, ROTATE)
    await report(make_error(kind="filesystem.log_too_large", target="app-1"))

    async def planned() -> list[Any]:
        return await house.rows("intent", "SELECT * FROM missions WHERE status = 'planned'")

    (row,) = await eventually(planned)
    question = ReplayMission(tenant_id="default", mission_id=row["mission_id"])
    shadow = RunShadow(tenant_id="default", since=row["captured_at"], limit=9)
    for text, differs in (
        (None, False),
        (ROTATE, False),
        (ROTATE.replace("{path: app.log}", "{path: other.log}"), True),
        (ROTATE.replace("at_most", "at_least"), True),
    ):
        tried = await gateway.call(question.model_copy(update={"playbook": text}))
        assert (tried.preview.playbook, tried.differs) == ("log-too-large", differs)
        seen = await gateway.call(shadow.model_copy(update={"playbook": text}))
        assert (seen.planned, seen.differing) == (1, int(differs))


async def _import(gateway: Runtime, source: str) -> Any:
    return await gateway.call(ImportPlaybook(source=source, principal="ada"))
