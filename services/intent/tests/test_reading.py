"""A playbook in which a secret lies open is refused by its line, and nothing of it is kept."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grace.contracts import intent as wire
from grace.intent import loops
from grace.intent.domain.playbook import PlaybookError
from grace.intent.loops.load import PlaybookRefused
from grace.intent.planner.reading import read_playbook
from grace.kit import GraceError
from grace.testkit import House
from grace.testkit.canary import everything

CANARY = "canary-7f3a91"
TEXT = """playbook: probe-it
version: 1
trigger:
  condition: kind == "shop.silent"
steps:
  - action:
      operation: thing.mend
      params: {}
    measurement:
      operation: command.run
      params:
        argv: [/usr/bin/probe]
        environment:
          TOKEN: {secret: shop-api}
    expectations:
      - {field: ok, comparison: at_least, value: 1}
"""
OPEN = TEXT.replace("{secret: shop-api}", CANARY)
FIXTURES = f"""cases:
  - name: silence
    error: {{kind: shop.silent, target: shop}}
    expect:
      applies: true
      steps:
        - {{operation: command.run, params: {{environment: {{TOKEN: {CANARY}}}}}}}
"""
ELSEWHERE = """    verification:
      - name: probe
        kind: observe
        operation: command.run
        params: {argv: [/usr/bin/probe], environment: {TOKEN: [canary-7f3a91]}}
        expectations:
          - {field: ok, comparison: at_least, value: 1}
"""


def test_a_reference_is_taken_as_it_is() -> None:
    playbook = read_playbook(TEXT.encode())
    assert '"TOKEN":{"secret":"shop-api"}' in playbook.steps[0].measurement.params


@pytest.mark.parametrize(
    ("text", "line", "where"),
    [
        (OPEN, 14, "playbook.steps[0].measurement.params.environment.TOKEN"),
        (TEXT + ELSEWHERE, 21, "playbook.steps[0].verification[0].params.environment.TOKEN"),
        (TEXT.replace("{secret: shop-api}", "{registry: target}"), 14, "TOKEN: is a secret"),
        (TEXT.replace("environment:", "enviroment:"), 11, "a key that command.run does not know"),
        (OPEN.replace("TOKEN:", "TOKEN: x:"), 14, "not YAML"),
    ],
)
def test_a_value_is_refused_by_its_line_without_it(text: str, line: int, where: str) -> None:
    with pytest.raises(PlaybookError) as refusal:
        read_playbook(text.encode())
    assert f"line {line}: " in str(refusal.value)
    assert where in str(refusal.value)
    assert CANARY not in str(refusal.value)


async def test_no_way_in_keeps_what_is_refused(house: House, own_playbooks: Path) -> None:
    (own_playbooks / "open.yaml").write_text(OPEN)
    async with house.running("intent") as services:
        gateway, intent = await house.act_as("gateway"), services["intent"]
        checked = await gateway.call(wire.CheckPlaybook(source=OPEN))
        assert [one.line for one in checked.problems] == [14]
        said = [checked.problems[0].text]
        settings = intent.settings.model_copy(update={"playbook_dir": own_playbooks})
        with pytest.raises(PlaybookRefused, match="open.yaml: line 14: ") as refused:
            await loops.LoadPlaybooks(settings).tick(intent)
        said.append(str(refused.value))
        for question in (
            wire.ImportPlaybook(source=OPEN, principal="ada"),
            wire.TestPlaybook(source=OPEN, fixtures="cases: []"),
            wire.TestPlaybook(source=TEXT, fixtures=FIXTURES),
            wire.RunShadow(tenant_id="default", since=datetime.now(UTC), limit=1, playbook=OPEN),
        ):
            with pytest.raises(GraceError, match="is a secret: give") as error:
                await gateway.call(question)
            said.append(error.value.detail)
        assert CANARY not in "".join(said) + await everything(house)
