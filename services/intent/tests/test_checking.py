"""A playbook is called sound only where its verification plan could be measured, too."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grace.contracts.intent import CheckPlaybook, ImportPlaybook
from grace.kit import Invalid, Runtime, Unavailable
from grace.testkit import House

HOLDS = [{"field": "bytes", "comparison": "at_most", "value": 1000}]
STEP = {
    "action": {"operation": "filesystem.rotate_log", "params": {"path": "app.log"}},
    "measurement": {"operation": "filesystem.usage", "params": {"path": "."}},
    "expectations": HOLDS,
}
LOOK = {
    "name": "size",
    "kind": "observe",
    "operation": "filesystem.usage",
    "params": {"path": "."},
    "expectations": HOLDS,
}
WEB = {
    "name": "web",
    "kind": "http",
    "source": "web",
    "path": "/health",
    "expectations": [{"field": "ok", "comparison": "at_least", "value": 1}],
}
WRONG: list[tuple[dict[str, Any], str]] = [
    (LOOK | {"operation": "filesystem.usgae"}, "filesystem.usgae is not an operation"),
    (LOOK | {"operation": "filesystem.rotate_log", "params": {"path": "app.log"}}, "it does not only observe"),
    (LOOK | {"operation": "postgres.activity", "params": {"seconds": 4, "warmup_seconds": 1}}, "does not fit app-1, a filesystem"),
    (LOOK | {"params": {"paht": "."}}, "filesystem.usage: "),
    (LOOK | {"target": "app-2"}, "app-2 is not a registered target"),
    (WEB | {"path": "/../../x"}, "http.get: "),
    (WEB | {"source": "nowhere"}, "nowhere"),
]  # fmt: skip


def playbook(*measures: dict[str, Any]) -> str:
    """Return a playbook whose second step has a verification plan."""
    steps = [STEP, STEP | {"verification": list(measures)}]
    trigger = {"condition": 'kind == "filesystem.log_too_large"'}
    document = {"playbook": "log-too-large", "version": 1, "trigger": trigger, "steps": steps}
    dumper = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    return yaml.dump(document, Dumper=dumper, sort_keys=False)


@pytest.fixture
def targets(tmp_path: Path) -> dict[str, Any]:
    """The worker's settings, with one folder as a target."""
    (tmp_path / "app").mkdir()
    file = tmp_path / "targets.toml"
    file.write_text(
        f'[targets.app-1]\nkind = "filesystem"\nenvironment = "test"\nroot = "{tmp_path}/app"\n'
    )
    return {"targets_file": file}


@pytest.fixture
async def gateway(house: House, targets: dict[str, Any], tmp_path: Path) -> AsyncIterator[Runtime]:
    """The gateway, beside who plans, who measures, and a source of verification's."""
    sources = tmp_path / "sources.toml"
    sources.write_text('[sources.web]\nkind = "http"\nurl = "http://127.0.0.1:9"\n')
    running = ("intent", "worker", "verification")
    settings = {"worker": targets, "verification": {"sources_file": sources}}
    async with house.running(*running, **settings):
        yield await house.act_as("gateway")


async def test_a_measure_that_nobody_could_take_is_named_and_not_put_in_force(
    gateway: Runtime,
) -> None:
    good = playbook(LOOK, WEB)
    assert (await gateway.call(CheckPlaybook(source=good))).valid
    for measure, reason in WRONG:
        text = playbook(LOOK | {"name": "first"}, measure)
        checked = await gateway.call(CheckPlaybook(source=text))
        assert [reason in one.text for one in checked.problems] == [True], checked.problems
        (problem,) = checked.problems
        where = f"playbook.steps[1].verification[1]: measure {measure['name']}: "
        assert problem.text.startswith(where)
        assert problem.line > text[: text.index("name: first")].count("\n") + 1
        with pytest.raises(Invalid, match=rf"line {problem.line}: .*measure {measure['name']}"):
            await gateway.call(ImportPlaybook(source=text, principal="ada"))
    assert (await gateway.call(ImportPlaybook(source=good, principal="ada"))).enabled


async def test_while_verification_is_silent_nobody_calls_its_measures_sound(
    house: House, targets: dict[str, Any]
) -> None:
    async with house.running("intent", "worker", worker=targets):
        gateway = await house.act_as("gateway")
        with pytest.raises(Unavailable, match="http.get: "):
            await gateway.call(CheckPlaybook(source=playbook(WEB)))
        assert (await gateway.call(CheckPlaybook(source=playbook(LOOK)))).valid
