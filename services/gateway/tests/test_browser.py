"""The web console in a real browser: what people see, click and type, and what was decided by it."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from grace.contracts.intent import ErrorDetected
from grace.testkit import eventually

from . import chromium
from .conftest import NOW, Front

OpenGateway = Callable[..., Any]
PROGRAM = chromium.found()
DECIDER = ("approvals:read", "approvals:decide", "missions:read", "governance:read")
MARKUP = "<img src=x onerror=alert(1)>"
# Whatever time an order is given, it is asked for here and a moment long.
IMPATIENT = """
    const wait = AbortSignal.timeout.bind(AbortSignal);
    window.patience = [];
    AbortSignal.timeout = ms => { window.patience.push(ms); return wait(50); };
"""

pytestmark = pytest.mark.skipif(
    PROGRAM is None and not os.environ.get("GRACE_BROWSER"),
    reason="no Chromium is installed (Debian: apt-get install chromium): make browser",
)


@asynccontextmanager
async def opened(
    front: Front, folder: Path, first: str = "", *, complains: bool = False
) -> AsyncIterator[chromium.Page]:
    """The console in a new tab, in which nothing goes wrong unless something is made to."""
    assert PROGRAM is not None, f"none of {', '.join(chromium.NAMES)} is on the PATH"
    async with chromium.running(PROGRAM, folder / "profile") as browser:
        page = await browser.page(first)
        await page.open(f"{front.url}/console/")
        yield page
        assert complains or page.complaints == []
        assert {url.startswith(f"{front.url}/") for url in page.asked if url != "about:blank"} == {
            True
        }


async def sign_in(page: chromium.Page, token: str) -> None:
    await page.type("#key", token)
    await page.click("Sign in")


async def enter(page: chromium.Page, front: Front, principal: str) -> None:
    person = await front.person(principal, *DECIDER)
    await sign_in(page, person.headers["Authorization"].removeprefix("Bearer "))
    await page.shows("Live")


async def test_a_wrong_key_is_told_and_a_right_one_lets_in(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path, complains=True) as page:
        await sign_in(page, "grace_" + "x" * 43)
        await page.shows("(401 Unauthorized)")
        eve = await front.person("eve", "missions:read")
        await sign_in(page, eve.headers["Authorization"].removeprefix("Bearer "))
        await page.shows("it needs the scope approvals:read")
        await enter(page, front, "ada")
        await page.shows("Nothing waits for anybody.")
        # It is kept by the tab alone, and gone with the sign-out.
        assert await page.run("localStorage.length + document.cookie.length") == 0
        await page.click("Sign out")
        await page.shows("API key")
        assert await page.run("sessionStorage.length") == 0


async def test_a_plan_appears_by_itself_is_approved_and_is_gone(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await enter(page, front, "ada")
        await page.shows("Nothing waits for anybody.")
        approval = await front.hand_in(2)
        await page.shows("Tier 2 - medium risk")
        await page.click("postgres-blocked-sessions")
        await page.shows(approval["shown_hash"])
        await page.type("#reason", f"looks right {MARKUP}")
        await page.click("Approve this plan")
        await page.shows("Granted. What becomes of it is told by its mission.")
        await page.shows("ada approved")
        await page.shows(MARKUP)
        await page.click("Close")
        await page.shows("Nothing waits for anybody.")
        found = (await front.admin.get(f"/api/approvals/{approval['approval_id']}")).json()["data"]
        assert (found["status"], found["votes"][0]["reason"]) == (
            "granted",
            f"looks right {MARKUP}",
        )
        assert page.complaints == []


async def test_without_a_stream_a_plan_appears_all_the_same(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await page.answer("/api/approvals/stream", {})
        await sign_in(page, front.token)
        await page.shows("Asking every 5 s")
        await page.shows("Nothing waits for anybody.")
        await front.hand_in(2)
        await page.shows("Tier 2 - medium risk")


async def test_a_key_that_is_refused_later_is_told_that_no_news_comes(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path, complains=True) as page:
        await page.answer("/api/approvals/stream", {"title": "Unauthorized"}, status=401)
        await sign_in(page, front.token)
        await page.shows("No news: the gateway refuses this key")
        await page.hides("Asking every 5 s")


async def test_what_a_plan_would_do_is_told_in_words_and_by_its_text(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await front.hand_in(2)
        await sign_in(page, front.token)
        await page.click("postgres-blocked-sessions")
        await page.shows("postgres.terminate_blockers on shop-db (demo)")
        await page.shows("cannot be undone")
        await page.shows("measured by postgres.activity on shop-db")
        await page.run("document.querySelector('details').open = true")
        await page.shows('"operation": "postgres.terminate_blockers"')


async def test_who_does_not_answer_is_named(open_gateway: OpenGateway, tmp_path: Path) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await sign_in(page, front.token)
        await page.click("System")
        await page.shows("does not answer")
        stands = "Object.fromEntries([...document.querySelectorAll('.rows li')].map(each => "
        stands += "[...each.querySelectorAll('span')].map(part => part.innerText)))"
        found = await page.run(stands)
        assert (found["governance"], found["htm"]) == ("answers", "does not answer")


async def test_two_people_and_a_typed_target_are_needed_at_tier_three(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await enter(page, front, "ada")
        approval = await front.hand_in(3)
        await page.shows("0 of 2 approved")
        await page.click("postgres-blocked-sessions")
        await page.shows("Tier 3 - high risk")
        blocked = "[...document.querySelectorAll('.choices button')].map(each => each.disabled)"
        assert await page.run(blocked) == [True, True]
        await page.type("#typed", "shop-db")
        await page.click("Approve this plan")
        await page.shows("Counted: 1 of 2 have approved. It waits for the others.")
        await page.click("Close")
        await page.shows("1 of 2 approved")
        # Somebody else, elsewhere: the list hears of it by itself.
        bob = await front.person("bob", *DECIDER)
        await bob.post(
            f"/api/approvals/{approval['approval_id']}/approve",
            json={"shown_hash": approval["shown_hash"]},
            headers={"If-Match": '"2"'},
        )
        await page.shows("Nothing waits for anybody.")
        await page.click("granted")
        await page.shows("2 of 2 approved")


async def test_a_vote_elsewhere_is_seen_at_once(open_gateway: OpenGateway, tmp_path: Path) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await enter(page, front, "ada")
        approval = await front.hand_in(3)
        await page.shows("0 of 2 approved")
        bob = await front.person("bob", *DECIDER)
        path = f"/api/approvals/{approval['approval_id']}/approve"
        body = {"shown_hash": approval["shown_hash"]}
        assert (await bob.post(path, json=body, headers={"If-Match": '"1"'})).status_code == 200
        await page.shows("1 of 2 approved")


async def test_a_plan_is_rejected_with_a_reason(open_gateway: OpenGateway, tmp_path: Path) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await enter(page, front, "ada")
        approval = await front.hand_in(2)
        await page.click("postgres-blocked-sessions")
        await page.type("#reason", "not today")
        await page.click("Reject it for good")
        await page.shows("Rejected")
        found = (await front.admin.get(f"/api/approvals/{approval['approval_id']}")).json()["data"]
        assert (found["status"], found["votes"][0]["choice"]) == ("rejected", "reject")


async def test_missions_show_what_was_told_as_text(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with (
        open_gateway("governance", "intent", "verification") as front,
        opened(front, tmp_path) as page,
    ):
        gateway = await front.house.act_as("gateway")
        await gateway.report(
            ErrorDetected(
                source="watch", kind="nobody.answers", target="shop-db", message=MARKUP,
                severity="error", detected_at=NOW, requested_by="watch",
            )
        )  # fmt: skip

        async def ended() -> Any:
            return (await front.admin.get("/api/missions?status=blocked")).json()["data"]

        await eventually(ended, timeout=15)
        await enter(page, front, "ada")
        await page.click("Missions")
        await page.click("nobody.answers")
        await page.shows("Blocked: nothing was done")
        await page.shows(MARKUP)
        assert await page.run("document.querySelectorAll('main img').length") == 0


async def test_a_view_that_breaks_leaves_the_rest(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path) as page:
        await enter(page, front, "ada")
        await page.answer("/api/missions", {"data": [None]})
        await page.click("Missions")
        await page.shows("This view broke")
        await page.click("Approvals")
        await page.shows("Nothing waits for anybody.")
        await page.hides("This view broke")


async def test_a_gateway_that_says_nothing_is_not_waited_for_for_ever(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with open_gateway("governance") as front, opened(front, tmp_path, IMPATIENT) as page:
        await page.answer("/api/approvals", None)
        await sign_in(page, front.token)
        await page.shows("The gateway does not answer.")
        assert set(await page.run("window.patience")) == {30_000}


async def test_a_question_is_answered_as_text_and_the_next_one_points_back(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    async with (
        open_gateway("governance", "knowledge") as front,
        opened(front, tmp_path) as page,
    ):
        approval = await front.hand_in(2)
        note = {"title": f"{MARKUP} T", "content": f"When orders hang: {MARKUP} look."}
        await front.admin.post("/api/knowledge/ingest", json=note)
        await sign_in(page, front.token)
        await page.click("Chat")
        for question, shown in (
            ("which approvals wait for me?", "0 of these for you"),
            ("why is that?", "0 of 1 approve"),
            ("why do orders hang?", f"When orders hang: {MARKUP} look."),
            (f"approve {approval['approval_id']} {MARKUP}", "nothing was done"),
            ("how are the queues?", "Only a part: queues"),  # htm does not run
        ):
            await page.type(".ask input", question)
            await page.click("Ask")
            await page.shows(shown)
        assert await page.run("document.querySelectorAll('main img').length") == 0
        assert page.complaints == []
        read = await front.admin.get(f"/api/approvals/{approval['approval_id']}")
        assert read.json()["data"] == approval
        await page.click(approval["approval_id"])
        await page.shows(approval["shown_hash"])
