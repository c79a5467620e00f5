"""The API keeps what its description promises: cases made from the description, asked of every service.

`make contract` asks thousands of `grace up` (GRACE_CASES=2300, of which nine in ten must be asked). The tests ask each operation once, every
other one with what it forbids: to describe the cases costs more than to ask them.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from load.house import up as grace_up

from grace.client import Grace
from grace.gateway.domain.access import Scope
from grace.stack.ports import free_port
from grace.testkit import House, eventually, server_folder

CASES = int(os.environ.get("GRACE_CASES", "0"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postgres's account can pass; pytest's own is private."""
    with server_folder() as made:
        yield made


@asynccontextmanager
async def every_service(house: House, playbooks: Path) -> AsyncIterator[tuple[str, Path]]:
    """The URL of a gateway with all services behind it, and the file with the admin's key."""
    if CASES:
        async with grace_up(playbooks.with_name("data"), playbooks) as up:
            yield up.url, up.root / "admin.key"
        return
    port, names = free_port(), house.installation.names
    how = {"gateway": {"port": port}, "intent": {"playbook_dir": playbooks}}
    async with house.running(*names, **how):
        yield f"http://127.0.0.1:{port}", house.installation.admin_key_file


async def a_key_without_limit(url: str, key_file: Path) -> str:
    """A token that opens every door as often as it likes."""
    async with Grace(url, key_file.read_text().strip()) as admin:
        await eventually(lambda: all_is_up(admin), timeout=30)
        return (await admin.make_key("asker", list(Scope), rate_limit=0)).token


async def all_is_up(admin: Grace) -> bool:
    return (await admin.health()).status == "up"


# The services of this process throw dice while hypothesis makes a case; no case is made of theirs.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.timeout(max(180, CASES // 2))
async def test_the_api_keeps_what_its_description_promises(house: House, folder: Path) -> None:
    # Where tests are only collected, nobody waits a second for what makes the cases.
    from e2e.cases import explore  # noqa: PLC0415

    (folder / "playbooks").mkdir()
    async with every_service(house, folder / "playbooks") as (url, key_file):
        token = await a_key_without_limit(url, key_file)
        findings = await asyncio.to_thread(explore, url, token, CASES)
    assert not findings.failures, "\n\n".join(map(": ".join, findings.failures.items()))
    assert findings.asked.total() >= CASES * 0.9, findings.asked
    assert len(findings.asked) == findings.offered, "an operation was not asked"
    assert findings.offered >= 100, "the description has lost operations"
    assert max(findings.statuses) < 500, findings.statuses
    assert findings.statuses[401] == 0, "turned away at the door, a case proves nothing"
    assert findings.statuses[429] == 0, "refused for its speed, a case proves nothing"
    assert any(200 <= status < 300 for status in findings.statuses)
