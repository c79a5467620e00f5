"""A secret goes through a whole mission by its name; its value is in one file of the target, and there alone."""

from pathlib import Path

import httpx
import pytest
from faults.story import approve, ended, patiently
from structlog.testing import capture_logs

from grace.client import Grace
from grace.stack.ports import free_port
from grace.testkit import House, eventually
from grace.testkit.canary import everything, logged

OLD, NEW = "canary-0ld-7f3a91", "canary-n3w-52be07"
# Those through whom a secret could go; the others would only answer that they are not there.
WHO = ("identity", "htm", "worker", "governance", "verification", "intent", "gateway")
PLAYBOOK = """playbook: renew-token
version: 1
trigger:
  condition: kind == "shop.token_expired"
steps:
  - action:
      operation: filesystem.write_secret
      params: {path: token, content: {secret: shop-api}}
    measurement:
      operation: filesystem.holds_secret
      params: {path: token, content: {secret: shop-api}}
    expectations:
      - {field: matches, comparison: at_least, value: 1}
"""


def prepare(house: House, folder: Path) -> Path:
    """A shop whose token has expired, and the secret that it should have; returns the secret's file."""
    (folder / "shop").mkdir()
    (folder / "books").mkdir()
    (folder / "shop/token").write_text("expired")
    (folder / "books/renew-token.yaml").write_text(PLAYBOOK)
    secret = folder / "api"
    secret.write_text(OLD)
    secret.chmod(0o600)
    house.installation.targets_file.write_text(
        f'[secrets.shop-api]\nfile = "{secret}"\n[targets.shop]\nkind = "filesystem"\n'
        f'environment = "test"\nroot = "{folder / "shop"}"\n'
    )
    return secret


async def answers(url: str, token: str, *paths: str) -> str:
    """What REST answers at these paths, and at every other that asks for no more than a key."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client:
        tasks = (await client.get("/api/htm/tasks")).json()["data"]
        paths += tuple(f"/api/htm/tasks/{task['task_id']}" for task in tasks)
        routes = (await client.get("/openapi.json")).json()["paths"]
        plain = [
            path
            for path, how in routes.items()
            if "get" in how and "{" not in path and "text/event-stream" not in str(how["get"])
        ]
        assert len(plain) > 20
        found = [await client.get(path) for path in (*plain, *paths)]
    assert all(answer.status_code == 200 for answer in found[len(plain) :])
    return "\n".join(answer.text for answer in found)


@pytest.mark.timeout(120)
async def test_a_secret_that_was_changed_after_its_approval_is_written_and_told_nowhere(
    house: House, tmp_path: Path
) -> None:
    secret, port = prepare(house, tmp_path), free_port()
    url = f"http://127.0.0.1:{port}"
    token = house.installation.admin_key_file.read_text(encoding="utf-8").strip()
    with capture_logs() as told:
        async with (
            house.running(
                *WHO,
                gateway={"port": port},
                intent={"playbook_dir": tmp_path / "books"},
            ),
            Grace(url, token) as admin,
        ):
            key = await patiently(
                lambda: admin.make_key("bob", ["approvals:read", "approvals:decide"])
            )
            async with Grace(url, key.token) as bob:
                asked = await admin.ask_consent(
                    "shop-api", "filesystem.*", target="shop", reason="a new token", lifetime_s=600
                )
                await bob.grant_consent(asked.consent_id)
                await admin.report_error("shop.token_expired", "shop", message="it has expired")

                async def waits() -> str | None:
                    page = await admin.approvals(status="pending")
                    return next((each.approval_id for each in page.items), None)

                approval = await eventually(waits, timeout=30)
                secret.write_text(NEW)
                await approve(bob)
            mission = await ended(admin, "shop.token_expired")
            assert (mission.status, mission.confidence) == ("verified", 1.0)
            assert (tmp_path / "shop/token").read_text() == NEW
            at = f"/api/missions/{mission.mission_id}"
            shown = await answers(
                url, token, at, f"{at}/timeline", f"{at}/plan", f"/api/approvals/{approval}"
            )
            kept = await everything(house)
    said = {"REST": shown, "tables and streams": kept, "logs": logged(told)}
    assert "shop-api" in shown
    assert "shop-api" in kept
    assert [where for where, text in said.items() if OLD in text or NEW in text] == []
