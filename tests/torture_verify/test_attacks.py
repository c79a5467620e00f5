"""The short form of the attacks; `make torture-attacks` sends a thousand messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from torture_verify.attacks import attack

from grace.testkit import House


@pytest.mark.timeout(120)
async def test_nobody_executes_what_was_not_rightly_approved(house: House, tmp_path: Path) -> None:
    result = await attack(house, tmp_path, seed=7, messages=100, share=0.2)
    assert result.breaches == ()
    assert (result.attempts >= 200, result.executed) == (True, 0)
    assert (result.messages >= 100, result.effects) == (True, 0)
    assert result.honest == 3
    assert result.answers["forbidden since: Forbidden"] > 0
    assert sum(times for kind, times in result.answers.items() if "Conflict" in kind) > 0
    assert sum(times for kind, times in result.answers.items() if "Forbidden" in kind) > 0
