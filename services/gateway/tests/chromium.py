"""A real Chromium that a test drives, by the DevTools protocol over a WebSocket.

Protocol: https://chromedevtools.github.io/devtools-protocol/ (Target, Page, Runtime, Input, Fetch,
Network). What is clicked is clicked by the page's own DOM; what is typed comes as input events.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from grace.testkit import eventually

NAMES = ("chromium", "chromium-browser", "google-chrome")
_START_SECONDS = 60.0
_PATIENCE = 20.0
_ANSWER_SECONDS = 30.0
_LARGEST = 64 * 1024 * 1024
_FLAGS = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--password-store=basic", "--remote-debugging-port=0",
)  # fmt: skip


def found() -> str | None:
    """The program; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab. `complaints`: what its console and its network had to say; `asked`: every address."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self._answers: dict[str, tuple[int, bytes] | None] = {}
        self._loaded: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        browser.pages[session] = self

    async def send(self, method: str, **params: Any) -> Any:
        """One order to this tab; AssertionError with the browser's words where it cannot be done."""
        return await self._browser.send(method, session=self._session, **params)

    async def open(self, url: str) -> None:
        """Go to an address, and wait until it is loaded: what is ordered sooner may miss the page."""
        loader = (await self.send("Page.navigate", url=url))["loaderId"]
        await asyncio.wait_for(self._loaded[loader].wait(), _ANSWER_SECONDS)

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        done = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def until(self, script: str) -> Any:
        """Wait until an expression is true, and return it."""
        try:
            return await eventually(lambda: self.run(script), timeout=_PATIENCE)
        except AssertionError:
            raise AssertionError(f"never came true: {script}; shown: {await self.text()}") from None

    async def text(self) -> str:
        """What a person reads."""
        found: str = await self.run("document.body.innerText")
        return found

    async def shows(self, words: str) -> None:
        """Wait until these words are there to read."""
        await self.until(f"document.body.innerText.includes({json.dumps(words)})")

    async def hides(self, words: str) -> None:
        """Wait until they are not."""
        await self.until(f"!document.body.innerText.includes({json.dumps(words)})")

    async def click(self, words: str) -> None:
        """Click the button or link that begins with these words, once it may be."""
        here = (
            "[...document.querySelectorAll('button, a')].find(each => !each.disabled && "
            f"each.innerText.startsWith({json.dumps(words)}))"
        )
        await self.until(f"!!{here}")
        await self.run(f"{here}.click()")

    async def type(self, selector: str, words: str) -> None:
        """Type into a field, in place of what is in it."""
        field = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"!!{field}")
        await self.run(f"({field}.focus(), {field}.select())")
        await self.send("Input.insertText", text=words)

    async def answer(self, path: str, body: object, status: int = 200) -> None:
        """Answer what is asked of a path here, in the gateway's place; None answers nothing at all."""
        self._answers[path] = None if body is None else (status, json.dumps(body).encode())
        await self.send("Fetch.enable", patterns=[{"urlPattern": "*/api/*"}])

    def hear(self, method: str, params: dict[str, Any]) -> None:
        """What the browser tells of this tab."""
        match method:
            case "Page.lifecycleEvent" if params["name"] == "load":
                self._loaded[params["loaderId"]].set()
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            case "Fetch.requestPaused":
                self._browser.later(self._let_through(params))

    async def _let_through(self, params: dict[str, Any]) -> None:
        path = params["request"]["url"].split("/api/", 1)[1].split("?")[0]
        name, request = f"/api/{path}", params["requestId"]
        if name not in self._answers:
            await self.send("Fetch.continueRequest", requestId=request)
        elif (answer := self._answers[name]) is not None:
            status, body = answer
            headers = [{"name": "Content-Type", "value": "application/json"}]
            await self.send(
                "Fetch.fulfillRequest", requestId=request, responseCode=status,
                responseHeaders=headers, body=base64.b64encode(body).decode(),
            )  # fmt: skip


class Browser:
    """A running browser, and the one connection to it."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.pages: dict[str, Page] = {}

    async def page(self, first: str = "") -> Page:
        """A new tab. `first` is a script that runs before those of each page."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.send("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.send(f"{domain}.enable")
        await page.send("Page.setLifecycleEventsEnabled", enabled=True)
        if first:
            await page.send("Page.addScriptToEvaluateOnNewDocument", source=first)
        return page

    async def send(self, method: str, session: str | None = None, **params: Any) -> Any:
        """One order, and its answer."""
        self._number += 1
        order: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session is not None:
            order["sessionId"] = session
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._wire.send(json.dumps(order))
        async with asyncio.timeout(_ANSWER_SECONDS):
            said = await answer
        assert "error" not in said, (method, said["error"])
        return said["result"]

    async def listen(self) -> None:
        """Hand on what the browser says, until it is gone."""
        async for text in self._wire:
            said = json.loads(text)
            if "id" in said:
                answer = self._waiting.pop(said["id"])
                if not answer.done():  # nobody waits for one that comes too late
                    answer.set_result(said)
            elif (page := self.pages.get(said.get("sessionId", ""))) is not None:
                page.hear(said["method"], said["params"])

    def later(self, doing: Any) -> None:
        """Do something beside the listening."""
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def running(program: str, profile: Path) -> AsyncIterator[Browser]:
    """Start a browser with a profile of its own, and end it with every process that it made."""
    # Its sandbox refuses to be used by root.
    rights = ("--no-sandbox",) if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(
        program, *_FLAGS, *rights, f"--user-data-dir={profile}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "HOME": str(profile)},
    )  # fmt: skip
    try:
        place = profile / "DevToolsActivePort"
        await eventually(
            lambda: place.is_file() and "/" in place.read_text(), timeout=_START_SECONDS
        )
        port, path = place.read_text().split()
        url = f"ws://127.0.0.1:{port}{path}"
        async with connect(url, max_size=_LARGEST, proxy=None, compression=None) as wire:
            browser = Browser(wire)
            listening = asyncio.ensure_future(browser.listen())
            yield browser
            listening.cancel()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
