"""Who asks without a key, or something that is no gateway, is told what to do about it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from grace.client import Grace, NotFound
from grace.client.cli import build
from grace.client.errors import error_of

OpenGrace = Callable[..., Any]


async def test_who_has_no_key_is_told_how_to_give_one(
    open_grace: OpenGrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_grace() as place:
        url = f"http://127.0.0.1:{place.port}"
        command = ["--url", url, "missions", "list"]
        ended = await asyncio.to_thread(CliRunner().invoke, build(), command, env={})
        assert ended.exit_code == 4
        assert "no API key: name its file by --key-file or GRACE_API_KEY_FILE" in ended.stderr
        assert "there is no .grace/admin.key here" in ended.stderr
        async with Grace(f"{url}/api", place.token) as grace:
            with pytest.raises(NotFound, match="nothing at this path; /docs lists"):
                await grace.missions()


def test_an_answer_of_another_server_is_not_taken_for_one_of_grace() -> None:
    page = httpx.Response(404, text="<html>no such page</html>")
    assert str(error_of(page)) == "HTTP 404, but not as Grace says it: check the URL"
