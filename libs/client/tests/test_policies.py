"""Policies at the command line: set, tried on a file of cases, simulated, taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .test_cli import grace, told

OpenGrace = Callable[..., Any]
FREEZE = (
    '@id("freeze") @why("the books are closed")'
    ' forbid (principal, action == Action::"run", resource);\n'
)
CASES = """
policies: freeze.cedar
name: freeze
cases:
  - name: a setting
    given: {{operation_tier: 2, environment: demo, reversible: true}}
    expect: {expect}
    rules: [freeze]
"""


async def test_a_policy_is_tried_set_shown_and_dropped(
    open_grace: OpenGrace, tmp_path: Path
) -> None:
    file, cases = tmp_path / "freeze.cedar", tmp_path / "cases.yaml"
    file.write_text(FREEZE)
    async with open_grace("governance", "verification") as place:
        cases.write_text(CASES.format(expect="refused"))
        right = await grace(place, "policy", "test", str(cases))
        assert (right.exit_code, right.stderr) == (0, "")
        cases.write_text(CASES.format(expect="asked"))
        wrong = await grace(place, "policy", "test", str(cases))
        assert (wrong.exit_code, "expected asked, it is refused" in wrong.stderr) == (1, True)
        approval = await place.ask_for_approval()
        simulated = await told(place, "policy", "simulate", str(file), "--since", "30d")
        assert simulated["changes"] == {"asked:1 -> refused": 1}
        replayed = await told(place, "replay", approval.mission_id, "--policy", str(file))
        assert [(r["was"], r["would_be"]) for r in replayed["rulings"]] == [("asked:1", "refused")]
        shown = await grace(
            place, "-o", "table", "replay", approval.mission_id, "--policy", str(file)
        )
        assert (shown.exit_code, "freeze: the books are closed" in shown.stdout) == (0, True)
        why = await told(place, "policy", "why", approval.approval_id)
        assert why["outcome"] == "asked"
        made = await told(place, "policy", "set", "freeze", str(file), "--reason", "audit")
        again = await told(place, "policy", "set", "freeze", str(file), "--reason", "again")
        assert (made["version"], again["version"], again["reason"]) == (1, 2, "again")
        assert (await told(place, "policy", "show", "freeze"))["rules"][0]["rule_id"] == "freeze"
        dropped = await told(place, "policy", "drop", "freeze", "--reason", "it is over")
        assert (dropped["version"], dropped["in_force"]) == (3, False)
        file.write_text("forbid (principal")
        broken = await grace(place, "policy", "set", "freeze", str(file), "--reason", "x")
        assert (broken.exit_code, "parse error" in broken.stderr) == (2, True)
        wrong = await grace(place, "replay", approval.mission_id, "--policy", str(file))
        assert (wrong.exit_code, "parse error" in wrong.stderr) == (2, True)
        absent = await grace(place, "replay", approval.mission_id, "--policy", "none.cedar")
        assert (absent.exit_code, "cannot read" in absent.stderr) == (2, True)
        since = await grace(place, "policy", "simulate", "--since", "soon")
        assert since.exit_code == 2
        assert [p.outcome for p in (await place.admin.decisions()).items] == ["asked"]
