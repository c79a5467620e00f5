"""Webhooks: whom Grace connects to, what it says, how it signs, and that nothing is lost."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from grace.governance import loops
from grace.governance.domain.notices import Notice, flaw_of, may_connect, next_try, shown
from grace.governance.settings import Settings
from grace.kit import SettingsError
from grace.stack.ports import free_port
from grace.testkit import eventually

OpenOffice = Callable[..., Any]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = b"s" * 32
NOTICE = Notice(UUID(int=7), "https://pager.example/x", "approval.requested", "{}", 1, NOW)


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://pager.example/hook?key=1", True),
        ("http://127.0.0.1:9/hook", True),
        ("http://localhost/hook", True),
        ("http://pager.example/hook", False),
        ("https://elsewhere.example/", False),
        ("https://pager.example.evil/", False),
        ("https://pager.example@evil.example/", False),
        ("https://user:word@pager.example/", False),
        ("https://evil.example#pager.example", False),
        ("file:///etc/passwd", False),
        ("gopher://pager.example/", False),
        ("https:///hook", False),
        ("https://pager.example:0/", False),
        ("https://pager.example:x/", False),
        ("https://[::1", False),
        ("https://169.254.169.254/latest/meta-data", False),
    ],
)
def test_only_listed_hosts_are_told(url: str, is_fine: bool) -> None:
    hosts = ("pager.example", "127.0.0.1", "localhost")
    assert (flaw_of(url, hosts) is None) is is_fine


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1", "::", "fd00::1", "fe80::1%eth0",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1",
    ],
)  # fmt: skip
def test_no_name_leads_to_an_address_that_is_not_public(address: str) -> None:
    assert not may_connect(address, ())
    assert may_connect("93.184.216.34", ())
    assert may_connect("2606:2800:220:1:248:1893:25c8:1946", ())


def test_a_listed_network_is_let_through_and_nothing_beside_it() -> None:
    assert may_connect("10.1.2.3", ("10.1.0.0/16",))
    assert may_connect("::ffff:10.1.2.3", ("10.1.0.0/16",))
    assert not may_connect("10.2.2.3", ("10.1.0.0/16", "fd00::/8"))


def test_a_try_waits_twice_as_long_as_the_one_before_until_it_is_given_up() -> None:
    day = timedelta(hours=24)
    waits = []
    for tries in (1, 2, 3, 12, 100):
        found = next_try(replace(NOTICE, tries=tries), now=NOW, give_up_after=day)
        assert found is not None
        waits.append((found - NOW).total_seconds())
    assert waits == [1, 2, 4, 600, 600]
    assert next_try(NOTICE, now=NOW + day, give_up_after=day) is None


def test_no_capability_leaves() -> None:
    fields = {"approval_id": "a", "grants": [{"apply": "secret"}], "contracts": ["x"]}
    assert shown(fields) == {"approval_id": "a"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook_urls": ("https://pager.example/x",)},
        {"webhook_urls": ("https://pager.example/x",), "webhook_hosts": ("pager.example",)},
        {"webhook_networks": ("10.0.0.1/8",)},
    ],
)
def test_settings_that_would_fail_at_night_fail_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="webhook|host bits"):
        Settings(**wrong)


@dataclass
class Pager:
    """A webhook on this machine that answers what it is told to."""

    port: int
    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers, body))
        where = "location: http://127.0.0.1:1/\r\n" if self.status == 307 else ""
        writer.write(f"HTTP/1.1 {self.status} x\r\n{where}content-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def paged(folder: Path) -> AsyncIterator[tuple[Pager, dict[str, Any]]]:
    pager, secret = Pager(free_port()), folder / "webhook.secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    server = await asyncio.start_server(pager.answer, "127.0.0.1", pager.port)
    settings = {
        "webhook_urls": (f"http://127.0.0.1:{pager.port}/hook",),
        "webhook_hosts": ("127.0.0.1",),
        "webhook_networks": ("127.0.0.0/8",),
        "webhook_secret_file": secret,
        "webhook_interval": timedelta(milliseconds=50),
    }
    async with server:
        yield pager, settings


async def test_a_webhook_is_told_what_waits_and_can_check_who_says_so(
    open_office: OpenOffice, tmp_path: Path
) -> None:
    async with paged(tmp_path) as (pager, settings), open_office(**settings) as office:
        approval = await office.hand_in(2)
        await office.hand_in(1)
        await office.decide(approval, "ada")
        await eventually(lambda: len(pager.got) == 2)
        told = [json.loads(body) for _, body in pager.got]
        assert [each["type"] for each in told] == ["approval.requested", "approval.granted"]
        assert told[0]["data"]["shown_hash"] == approval.shown_hash
        assert "grants" not in told[1]["data"]
        headers, body = pager.got[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        right = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{right}"


async def test_what_a_webhook_does_not_take_is_kept_over_a_restart_and_sent_again(
    open_office: OpenOffice, tmp_path: Path
) -> None:
    async with paged(tmp_path) as (pager, settings):
        pager.status = 307
        async with open_office(**settings) as office:
            await office.hand_in(2)
            await eventually(lambda: pager.got)
            house = office.house
        pager.status = 204
        await house.rows("governance", "UPDATE notices SET next_at = now()")

        async def sent() -> bool:
            rows = await house.rows("governance", "SELECT status, last_error FROM notices")
            return [tuple(row) for row in rows] == [("sent", "it answered 307")]

        async with house.running("governance", governance=settings):
            await eventually(sent)
        assert {headers["webhook-id"] for headers, _ in pager.got} == {
            pager.got[0][0]["webhook-id"]
        }


async def test_a_host_that_leads_inside_is_not_connected_to(
    open_office: OpenOffice, tmp_path: Path
) -> None:
    async with paged(tmp_path) as (pager, settings):
        settings |= {"webhook_networks": (), "webhook_interval": timedelta(hours=1)}
        async with open_office(**settings) as office:
            await office.hand_in(2)
            await loops.Notify(office.governance.settings).tick(office.governance)
            (row,) = await office.house.rows("governance", "SELECT * FROM notices")
            assert row["status"] == "waiting"
            assert "leads to 127.0.0.1" in row["last_error"]
            await office.house.rows(
                "governance",
                "UPDATE notices SET next_at = now(), created_at = now() - interval '2 days'",
            )
            await loops.Notify(office.governance.settings).tick(office.governance)
            (row,) = await office.house.rows("governance", "SELECT status FROM notices")
            assert row["status"] == "given_up"
        assert pager.got == []
