"""API keys over HTTP: made once, judged on every request, revoked for good."""

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from grace.gateway.api.server import read_token
from grace.gateway.app import build
from grace.gateway.metrics import ENDING_KEYS
from grace.gateway.settings import Settings
from grace.kit import SettingsError
from grace.stack.ports import free_port
from grace.testkit import eventually

OpenGateway = Callable[..., Any]
TOKEN = "grace_" + "x" * 43


async def test_the_admin_is_seated_from_the_operators_file(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        page = await front.admin.get("/api/keys")
        assert [key["principal"] for key in page.json()["data"]] == ["admin"]
        bare = await front.client()
        by_header = await bare.get("/api/keys", headers={"X-API-Key": front.token})
        assert by_header.status_code == 200


async def test_a_token_is_shown_once_and_kept_by_nobody(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        body = {"principal": "ada", "scopes": ["missions:read"], "name": "laptop"}
        made = (await front.admin.post("/api/keys", json=body)).json()["data"]
        listed = await front.admin.get("/api/keys")
        assert made["token"].startswith("grace_")
        assert made["token"] not in listed.text
        rows = await front.house.rows(
            "gateway", "SELECT api_keys::text AS everything FROM api_keys"
        )
        assert all(made["token"] not in row["everything"] for row in rows)
        assert (made["created_by"], made["scopes"]) == ("admin", ["missions:read"])


async def test_a_revoked_key_opens_nothing(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        body = {"principal": "ada", "scopes": ["keys:read"]}
        made = (await front.admin.post("/api/keys", json=body)).json()["data"]
        ada = await front.client(made["token"])
        assert (await ada.get("/api/keys")).status_code == 200
        assert (await front.admin.delete(f"/api/keys/{made['key_id']}")).status_code == 204
        refused = await ada.get("/api/keys")
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert "revoked" in refused.json()["detail"]
        assert (await front.admin.delete("/api/keys/key-none")).status_code == 404


async def test_an_expired_key_opens_nothing(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        ada = await front.person("ada", "keys:read")
        await front.house.rows(
            "gateway", "UPDATE api_keys SET expires_at = now() WHERE principal = 'ada'"
        )
        refused = await ada.get("/api/keys")
        assert refused.status_code == 401
        assert "expired" in refused.json()["detail"]


async def test_a_key_of_another_tenant_is_unknown(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        await front.person("ada", "keys:read")
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'ada'"
        )
        rows = await front.house.rows(
            "gateway", "SELECT key_id FROM api_keys WHERE tenant_id = 'shop'"
        )
        assert (await front.admin.delete(f"/api/keys/{rows[0]['key_id']}")).status_code == 404
        listed = (await front.admin.get("/api/keys")).json()["data"]
        assert [key["principal"] for key in listed] == ["admin"]


async def test_nobody_gives_a_scope_that_they_do_not_have(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        clerk = await front.person("clerk", "keys:write", "keys:admin", "missions:read")
        body = {"principal": "eve", "scopes": ["approvals:decide"]}
        refused = await clerk.post("/api/keys", json=body)
        assert refused.status_code == 403
        assert "approvals:decide" in refused.json()["detail"]
        taken = await clerk.post(
            "/api/keys", json={"principal": "bob", "scopes": ["missions:read"]}
        )
        assert taken.status_code == 201


async def test_nobody_becomes_a_second_person(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        clerk = await front.person("clerk", "keys:write", "approvals:decide")
        registrar = await front.person("registrar", "keys:write", "keys:admin", "approvals:decide")

        async def makes(person: Any, principal: str, scope: str = "approvals:decide") -> int:
            body = {"principal": principal, "scopes": [scope]}
            answer = await person.post("/api/keys", json=body)
            return int(answer.status_code)

        assert await makes(clerk, "clerk") == 201
        assert await makes(clerk, "bob") == 403
        assert await makes(clerk, "admin") == 403
        assert await makes(clerk, "clerk", "keys:admin") == 403
        assert await makes(registrar, "bob") == 201
        assert await makes(registrar, "admin") == 403
        assert await makes(front.admin, "admin") == 201
        rows = await front.house.rows(
            "gateway", "SELECT DISTINCT principal, created_by FROM api_keys ORDER BY 1, 2"
        )
        assert [tuple(row) for row in rows] == [
            ("admin", "admin"), ("bob", "registrar"), ("clerk", "admin"), ("clerk", "clerk"),
            ("registrar", "admin"),
        ]  # fmt: skip


async def test_a_key_ends_after_a_quarter_unless_told_otherwise(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        body = {"principal": "ada", "scopes": ["missions:read"]}
        made = (await front.admin.post("/api/keys", json=body)).json()["data"]
        left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=89) < left <= timedelta(days=90)


async def test_a_key_that_is_used_and_ends_soon_is_counted_until_it_is_replaced(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway(key_warning="P7D", key_warning_interval="PT0.05S") as front:
        await front.person("idle", "keys:read")
        for each in ("busy", "later", "short"):
            assert (await (await front.person(each, "keys:read")).get("/api/keys")).is_success
        for principal, made, ends in (
            ("idle", 84, 6), ("busy", 84, 6), ("later", 82, 8), ("short", 1, 5),
        ):  # fmt: skip
            await set_key(front, principal, f"created_at = now() - interval '{made} days'")
            await set_key(front, principal, f"expires_at = now() + interval '{ends} days'")
        await eventually(lambda: counted(1))
        # Who comes once in weeks does come, and is not heard of any more once the key has ended.
        await set_key(front, "busy", "last_used_at = now() - interval '25 days'")
        await set_key(front, "idle", "last_used_at = now() - interval '31 days'")
        await has_counted_again(front, 1)
        await set_key(front, "busy", "expires_at = now() - interval '1 day'")
        await has_counted_again(front, 1)
        # Another one of the same name in its place, or nobody who missed it in a week.
        await (await front.person("busy", "keys:read")).get("/api/keys")
        await eventually(lambda: counted(0))
        await set_key(front, "later", "expires_at = now() - interval '6 days'")
        await eventually(lambda: counted(1))
        await set_key(front, "later", "expires_at = now() - interval '8 days'")
        await eventually(lambda: counted(0))


async def set_key(front: Any, principal: str, change: str) -> None:
    """As time would: the key that somebody got first is older, or used at another time."""
    await front.house.rows(
        "gateway",
        f"UPDATE api_keys SET {change} WHERE key_id ="
        f" (SELECT min(key_id) FROM api_keys WHERE principal = '{principal}')",
    )


async def has_counted_again(front: Any, count: int) -> None:
    """Another look was taken, and it found as many."""
    ENDING_KEYS.set(-1)
    await eventually(lambda: not counted(-1))
    assert counted(count)


def counted(count: int) -> bool:
    return REGISTRY.get_sample_value("grace_gateway_keys_ending") == count


async def test_the_last_use_is_noted(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        await front.admin.get("/api/keys")
        (key,) = (await front.admin.get("/api/keys")).json()["data"]
        assert key["last_used_at"] is not None


async def test_pages_of_keys_go_on_by_cursor(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        for name in ("ada", "bob", "cyd"):
            await front.person(name, "missions:read")
        first = (await front.admin.get("/api/keys?limit=2")).json()
        cursor = first["meta"]["next_cursor"]
        rest = (await front.admin.get("/api/keys", params={"limit": 3, "cursor": cursor})).json()
        names = [key["principal"] for key in first["data"] + rest["data"]]
        assert sorted(names) == ["ada", "admin", "bob", "cyd"]
        assert rest["meta"]["next_cursor"] is None


def keep(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "admin.key"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_private_file_with_a_token_is_read(tmp_path: Path) -> None:
    file = keep(tmp_path, TOKEN + "\n")
    assert read_token(file) == TOKEN
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        (TOKEN, 0o644, "others can read"),
        ("password", 0o600, "holds no token"),
        ("", 0o600, "holds no token"),
        ("grace_é" + "x" * 50, 0o600, "cannot read"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, text: str, mode: int, reason: str
) -> None:
    file = keep(tmp_path, text, mode)
    with pytest.raises(SettingsError, match=reason):
        read_token(file)
    with pytest.raises(SettingsError, match=reason):
        build(Settings(admin_key_file=file, port=free_port())).refuse_unfit()


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        read_token(tmp_path / "none")
