"""The web console is served as it was built, from its sources as they are, and lets nothing else in."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from grace.gateway.api.application import rest
from grace.gateway.settings import Settings

OpenGateway = Callable[..., Any]

ELSEWHERE = [
    "/console/nothing", "/console/assets/nothing.js", "/console/assets/", "/console/sources.sha256",
    "/console/assets/..%2f..%2fsettings.py", "/console/assets/../../settings.py", "/console/assets/%00",
]  # fmt: skip
_BUILD = Path(__file__).parents[1] / "console" / "build.py"


def build() -> Any:
    """The program behind `make console`."""
    spec = importlib.util.spec_from_file_location("console_build", _BUILD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def client(**settings: Any) -> httpx.AsyncClient:
    wire = httpx.ASGITransport(app=rest(None, Settings(**settings)))
    return httpx.AsyncClient(transport=wire, base_url="http://grace")


def test_what_is_served_was_built_from_the_sources_as_they_are() -> None:
    program = build()
    built = program.MARK.read_text(encoding="utf-8").strip()
    assert built == program.hash_of_sources(), "run `make console` and commit what it writes"


def test_every_source_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build()
    monkeypatch.setattr(program, "HERE", tmp_path)
    (tmp_path / "src").mkdir()
    hashes = [program.hash_of_sources()]
    for name in ("src/App.tsx", ".npmrc", "package-lock.json"):
        (tmp_path / name).write_text("", encoding="utf-8")
        hashes.append(program.hash_of_sources())
    (tmp_path / "src/App.tsx").write_text("changed", encoding="utf-8")
    hashes.append(program.hash_of_sources())
    assert len(set(hashes)) == len(hashes)


async def test_the_page_names_what_is_there_and_nothing_of_others() -> None:
    async with client() as browser:
        page = await browser.get("/console/")
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
        named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assets = [each for each in named if not each.startswith("data:")]
        assert sorted(Path(each).suffix for each in assets) == [".css", ".js"]
        for name in assets:
            asset = await browser.get(name)
            assert (asset.status_code, asset.content != b"") == (200, True), name
            assert "immutable" in asset.headers["cache-control"]
            assert asset.headers["content-type"].startswith(("text/css", "text/javascript"))
        # Its policy allows no script in the page, and no other host.
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "<script>" not in page.text


async def test_what_a_browser_has_is_not_sent_again() -> None:
    async with client() as browser:
        page = await browser.get("/console/")
        known = {"If-None-Match": page.headers["etag"]}
        again = await browser.get("/console/", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        other = await browser.get("/console/", headers={"If-None-Match": '"another"'})
        assert (other.status_code, other.content) == (200, page.content)


async def test_people_find_it() -> None:
    async with client() as browser:
        for path in ("/", "/console"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"]) == (307, "/console/")


async def test_a_gateway_serves_it_and_no_other_file_to_who_has_no_key_yet(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        browser = await front.client()
        page = await browser.get("/console/")
        assert (page.status_code, page.headers["x-frame-options"]) == (200, "DENY")
        head = await browser.head("/console/")
        assert (head.status_code, head.headers["etag"]) == (200, page.headers["etag"])
        (script,) = re.findall(r'src="([^"]+)"', page.text)
        assert len((await browser.get(script)).content) > 100_000
        for path in ELSEWHERE:
            answer = await browser.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


async def test_it_can_be_turned_off(open_gateway: OpenGateway) -> None:
    async with open_gateway(console=False) as front:
        browser = await front.client()
        for path in ("/", "/console", "/console/"):
            answer = await browser.get(path)
            assert (answer.status_code, "turned off" in answer.text) == (404, True), path
