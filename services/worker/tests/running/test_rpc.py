"""What the worker says about operations and targets."""

from datetime import timedelta
from typing import Any

import pytest

from grace.contracts.worker import ListTargets, ValidateAction, ValidateActions, ValidatedAction
from grace.kit import Unavailable
from grace.testkit import eventually

Opener = Any
FIVE = '{"name": "statement_timeout", "value": "5ms"}'
QUESTIONS = [
    ("postgres.set_database_setting", "shop", FIVE, True),
    ("postgres.terminate_blockers", "shop", '{"min_idle_seconds": 1}', True),
    ("postgres.activity", "shop", '{"seconds": 4, "warmup_seconds": 1}', True),
    ("postgres.activity", "shop", '{"seconds": 0, "warmup_seconds": 1}', False),
    ("postgres.set_database_setting", "bank", FIVE, False),
    ("postgres.set_database_setting", "shop", "{}", False),
    ("filesystem.usage", "shop", "{}", False),
    ("filesystem.rotate_log", "files", '{"path": "log/app.log"}', True),
    ("filesystem.rotate_log", "files", '{"path": "../../etc/passwd"}', False),
    ("postgres.drop_database", "shop", "{}", False),
]


async def test_an_action_can_be_validated_before_it_is_planned(floor: Opener) -> None:
    async with floor() as at:
        intent = await at.house.act_as("intent")

        async def ask(operation: str, target: str, params: str) -> ValidatedAction:
            question = ValidateAction(operation=operation, target=target, params=params)
            answer: ValidatedAction = await intent.call(question)
            return answer

        for operation, target, params, valid in QUESTIONS:
            answer = await ask(operation, target, params)
            assert answer.valid == valid, (operation, answer)
            assert bool(answer.problems) != valid
        questions = [ValidateAction(operation=o, target=t, params=p) for o, t, p, _ in QUESTIONS]
        together = await intent.call(ValidateActions(actions=tuple(questions)))
        assert list(together.answers) == [await intent.call(each) for each in questions]
        setting = await ask("postgres.set_database_setting", "shop", FIVE)
        assert (setting.tier, setting.reversible, setting.observes_only) == (2, True, False)
        blockers = await ask("postgres.terminate_blockers", "shop", '{"min_idle_seconds": 1}')
        assert (blockers.tier, blockers.reversible, blockers.kernel) == (2, False, "postgres")
        activity = await ask("postgres.activity", "shop", '{"seconds": 4, "warmup_seconds": 1}')
        assert (activity.tier, activity.observes_only, activity.timeout_ms) == (1, True, 15_000)
        two = await ask("postgres.activity", "bank", "{}")
        assert len(two.problems) == 2


async def test_targets_are_listed_without_their_secrets(floor: Opener) -> None:
    async with floor() as at:
        intent = await at.house.act_as("intent")
        found = await intent.call(ListTargets())
        assert [(t.target, t.kind, t.environment) for t in found.targets] == [
            ("shop", "postgres", "demo"),
            ("files", "filesystem", "demo"),
        ]
        assert b"password" not in found.to_bytes()


async def test_a_broken_targets_file_is_no_answer(floor: Opener) -> None:
    async with floor() as at:
        intent = await at.house.act_as("intent")
        (floor.folder / "targets.toml").write_text("[targets")
        with pytest.raises(Unavailable):
            await intent.call(ListTargets())
        with pytest.raises(Unavailable):
            await intent.call(
                ValidateAction(operation="postgres.activity", target="shop", params="{}")
            )


async def test_a_targets_file_that_cannot_be_used_is_told_before_a_task_needs_it(
    floor: Opener,
) -> None:
    async with floor(beat_interval=timedelta(milliseconds=50)) as at:
        text = floor.targets.read_text(encoding="utf-8")
        floor.targets.write_text("[targets", encoding="utf-8")

        def complains() -> bool:
            told = at.worker.complaints["targets"]
            return len(told) == 1 and told[0].startswith("the targets file cannot be used: ")

        await eventually(complains)
        assert at.worker.problems() == [], "it is ready all the same: what it holds goes on"
        files = '[targets.{}]\nkind = "filesystem"\nenvironment = "demo"\nroot = "/srv/app"\n'
        floor.targets.write_text(files.format("one") + files.format("two"), encoding="utf-8")
        await eventually(lambda: "one and two stand for one" in at.worker.complaints["targets"][0])
        floor.targets.write_text(text, encoding="utf-8")
        await eventually(lambda: at.worker.complaints["targets"] == [])
