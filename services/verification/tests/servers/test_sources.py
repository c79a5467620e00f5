"""The client of sources alone, against the stand-in."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from grace.verification import loops
from grace.verification.domain.contract import Measurement
from grace.verification.domain.verdict import Measured, Unmeasured

if TYPE_CHECKING:
    from pathlib import Path

    from grace.testkit.prometheus import PrometheusStandIn


@pytest.fixture
def sources(settings: dict[str, Any]) -> loops.Sources:
    file = settings["sources_file"]
    return loops.Sources(file, largest=4096, longest=timedelta(seconds=10))


def page(path: str = "/health", source: str = "web") -> Measurement:
    return Measurement("http.get", source, json.dumps({"path": path}), 60_000)


async def test_a_redirect_is_measured_and_not_followed(
    shop: PrometheusStandIn, sources: loops.Sources
) -> None:
    shop.pages["/away"] = (302, {"Location": "http://169.254.169.254/"}, b"")
    found = await sources.measure(page("/away"))
    assert isinstance(found, Measured)
    assert (found.state["status"], found.state["ok"]) == (302, 0)
    assert shop.asked == ["/away"]


async def test_an_answer_of_earlier_is_no_measurement(
    shop: PrometheusStandIn, sources: loops.Sources
) -> None:
    shop.pages["/health"] = (200, {"Age": "30"}, b"{}")
    why = "the answer is 30 s old, from a cache: ask where there is none"
    assert await sources.measure(page()) == Unmeasured(why)
    assert b"cache-control: no-cache" in shop.heads[0].lower()
    shop.pages["/health"] = (200, {"Age": "0"}, b"{}")
    assert isinstance(await sources.measure(page()), Measured)


async def test_no_certificates_are_loaded_to_ask_without_tls(
    shop: PrometheusStandIn, sources: loops.Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes longer than most answers, and would be in the latency that is measured."""
    loaded: list[object] = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *given: loaded.append(given)
    )
    shop.pages["/health"] = (200, {}, b"{}")
    assert isinstance(await sources.measure(page()), Measured)
    assert loaded == []


async def test_an_answer_that_is_too_large_or_too_late_is_none(
    shop: PrometheusStandIn, settings: dict[str, Any], sources: loops.Sources
) -> None:
    shop.pages["/large"] = (200, {}, b"x" * 5000)
    assert await sources.measure(page("/large")) == Unmeasured(
        "the answer is larger than 4096 bytes"
    )
    shop.hold = asyncio.Event()
    file, longest = settings["sources_file"], timedelta(milliseconds=300)
    late = await loops.Sources(file, largest=4096, longest=longest).measure(page())
    shop.hold.set()
    assert late == Unmeasured("web did not answer within 0.3 s")


async def test_a_source_that_is_down_was_not_measured(
    settings: dict[str, Any], sources: loops.Sources
) -> None:
    settings["sources_file"].write_text(
        '[sources.web]\nkind = "http"\nurl = "http://127.0.0.1:1"\n', encoding="utf-8"
    )
    found = await sources.measure(page())
    assert isinstance(found, Unmeasured)
    assert found.why.startswith("web: ConnectError")


async def test_a_name_that_leads_to_a_forbidden_address_is_not_asked(
    settings: dict[str, Any], sources: loops.Sources
) -> None:
    settings["sources_file"].write_text(
        '[sources.web]\nkind = "http"\nurl = "http://169.254.169.254"\n', encoding="utf-8"
    )
    assert await sources.measure(page()) == Unmeasured(
        "web leads to 169.254.169.254, which is never asked"
    )


async def test_a_file_that_cannot_be_used_allows_nothing(
    shop: PrometheusStandIn, settings: dict[str, Any], sources: loops.Sources
) -> None:
    assert isinstance(await sources.measure(page()), Measured)
    settings["sources_file"].write_text("[sources", encoding="utf-8")
    broken = await sources.measure(page())
    assert isinstance(broken, Unmeasured)
    assert "sources_file cannot be used" in broken.why
    nothing = loops.Sources(None, largest=1, longest=timedelta(seconds=1))
    assert await nothing.measure(page()) == Unmeasured(
        "no source is allowed: sources_file is not set"
    )
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    "line",
    [
        'url = "http://127.0.0.1:1/\\u0001"',
        'url = "http://127.0.0.1:1"\ntoken_file = "/\\u0000"',
    ],
)
async def test_a_source_that_nobody_can_ask_loses_its_own_take_only(
    settings: dict[str, Any], sources: loops.Sources, shop: PrometheusStandIn, line: str
) -> None:
    text = f'{shop.sources}[sources.odd]\nkind = "http"\n{line}\n'
    settings["sources_file"].write_text(text, encoding="utf-8")
    odd = sources.measure(page(source="odd"))
    found = await asyncio.gather(odd, sources.measure(page()))
    assert [type(each) for each in found] == [Unmeasured, Measured]


async def test_a_token_is_read_from_its_file_and_sent(
    shop: PrometheusStandIn,
    settings: dict[str, Any],
    sources: loops.Sources,
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    text = shop.sources + f'token_file = "{tmp_path}/token"\n'
    settings["sources_file"].write_text(text, encoding="utf-8")
    await sources.measure(page())
    assert b"authorization: bearer secret" in shop.heads[0].lower()
    assert f"host: localhost:{shop.port}".encode() in shop.heads[0].lower()


@pytest.mark.parametrize("token", ["secret-1\nsecret-2", "secret-1 secret-2", "secret-\u20ac", ""])
async def test_what_is_no_token_is_told_without_a_word_of_it(
    shop: PrometheusStandIn,
    settings: dict[str, Any],
    sources: loops.Sources,
    tmp_path: Path,
    token: str,
) -> None:
    (tmp_path / "token").write_text(token, encoding="utf-8")
    text = shop.sources + f'token_file = "{tmp_path}/token"\n'
    settings["sources_file"].write_text(text, encoding="utf-8")
    why = f"{tmp_path}/token holds no token: one word of plain characters is needed"
    assert await sources.measure(page()) == Unmeasured(why)
    assert shop.asked == []
