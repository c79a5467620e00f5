"""`grace error` says when a report was kept without what should not have been in it."""

from collections.abc import Callable
from typing import Any

from .test_cli import grace, told

OpenGrace = Callable[..., Any]
ERROR = ("error", "--kind", "weather.storm", "--target", "shop-db", "--message")


async def test_who_reports_a_secret_is_told_to_replace_it(open_grace: OpenGrace) -> None:
    async with open_grace() as place:
        cleaned = await grace(place, *ERROR, "cannot reach postgres://shop:hunter2@db/shop")
        assert (cleaned.exit_code, "1 secret was taken out" in cleaned.stderr) == (0, True)
        plain = await grace(place, *ERROR, "it blows")
        assert (plain.exit_code, plain.stderr) == (0, "")
        counted = await told(place, *ERROR, "password=hunter2 and api_key=hunter3")
        assert counted["redacted"] == 2
