"""`grace chat` tells an answer with what it is based on, and does not pass a part off as the whole."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from grace.client import Grace
from grace.client.cli import build
from grace.gateway.domain.wishes import offers_for

from .test_cli import grace, told

OpenGrace = Callable[..., Any]
WISHES = ["approve it", "reject it", "cancel it", "retry it", "release it", "pause postgres",
          "resume postgres", "freeze it", "stop everything", "turn off the kill switch", "restart it"]  # fmt: skip


async def test_a_question_is_answered_and_a_part_that_is_missing_ends_with_six(
    open_grace: OpenGrace,
) -> None:
    async with open_grace("governance") as place:
        answered = await grace(place, "chat", "Which approvals wait for me?")
        assert (answered.exit_code, answered.stderr) == (0, "")
        assert answered.stdout.splitlines() == [
            "No approvals pending, 0 of these for you, as far as your key tells.",
            "",
            "based on GET /api/approvals",
        ]
        wished = await told(place, "chat", "restart shop-db")
        assert [each["method"] for each in wished["offers"]] == ["POST", "POST"]
        missing = await grace(place, "chat", "how are the queues?")  # htm does not run
        assert missing.exit_code == 6
        assert "nothing was changed by asking" in missing.stdout
        assert (await grace(place, "chat", "")).exit_code == 2


@pytest.mark.parametrize("wish", WISHES)
def test_every_command_that_is_offered_is_there(wish: str) -> None:
    for offer in offers_for(wish, ()):
        command: Any = get_command(build())
        program, *words = offer.command.split()
        assert program == "grace"
        while isinstance(command, TyperGroup):
            command = command.commands[words.pop(0)]
        options = {name for each in command.params for name in each.opts}
        assert {word for word in words if word.startswith("--")} <= options, offer.command


async def test_a_question_that_points_back_is_about_the_answer_before(
    open_grace: OpenGrace,
) -> None:
    async with open_grace("governance", "verification") as place:
        approval = await place.ask_for_approval()
        async with Grace(place.url, place.token) as asker:
            listed = await asker.chat("which approvals are there?")
            assert [each.id for each in listed.about] == [approval.approval_id]
            story = await asker.chat("how does it stand?", listed.about)
            assert f"for {approval.mission_id}" in story.answer
            assert story.about[1].id == approval.mission_id
