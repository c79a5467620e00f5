"""A secret goes through a whole mission by its name; its value is in one file of the target, and there alone.

Planted besides are every key and password of the installation, the keys of people, and what programs
write into their errors: none of them may be in a table, a stream, an answer, a log, a span or a metric.
"""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from faults.story import approve, ended, patiently
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from grace.client import Grace
from grace.kit import tracing
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


def planted(house: House) -> dict[str, str]:
    """What lies in files that only their owners read."""
    kept = house.installation
    files = [
        *(kept.root / "secrets").iterdir(),
        kept.admin_key_file,
        *map(kept.nats.seed_file, WHO),
    ]
    return {str(file.relative_to(kept.root)): file.read_text().strip() for file in files}


# Put together here, so that nothing which looks for secrets in sources finds one.
REPORTED = {
    "message": "canary-in-a-url-4401",
    "token": "gh" + "p_" + "Canary4402" * 4,
    "password": "canary-by-name-4403",
    "header": "canary-in-a-header-4404",
    "annotation": "canary-of-an-alert-4405",
    "refused": "xo" + "xb-1234567890-canary4406",
}


async def tell_of_everything(url: str, token: str) -> str:
    """Report what holds secrets, and send what is refused for one; returns all answers."""
    headers = {"Authorization": f"Bearer {token}"}
    error = {
        "kind": "nobody.answers", "target": "shop",
        "message": f"cannot reach postgres://shop:{REPORTED['message']}@db/shop",
        "details": {
            "argv": ["login", REPORTED["token"]], "DB_PASSWORD": REPORTED["password"],
            "sent": f"Authorization: Bearer {REPORTED['header']}",
        },
    }  # fmt: skip
    alert = {
        "status": "firing", "labels": {"grace_kind": "nobody.answers", "grace_target": "shop"},
        "annotations": {"summary": f"password={REPORTED['annotation']}"},
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client:
        found = [
            await client.post("/api/errors", json=error),
            await client.post(
                "/api/webhooks/alertmanager", json={"version": "4", "alerts": [alert]}
            ),
            await client.post(
                "/api/htm/queues/filesystem/pause", json={"reason": REPORTED["refused"]}
            ),
            await client.get("/api/missions", headers={"Authorization": f"Bearer {token}x"}),
        ]
    assert [answer.status_code for answer in found] == [202, 202, 422, 401]
    return "\n".join(answer.text for answer in found)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Every span of this process, as an exporter would have them."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(tracing, "_TRACER", provider.get_tracer("grace.kit"))
    return exporter


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What libraries log, down to what they say for their own developers."""
    root, told = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    monkeypatch.setattr(root, "handlers", [*root.handlers, handler])
    before = root.level
    root.setLevel(logging.DEBUG)
    yield told
    root.setLevel(before)


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


async def asked_for(admin: Grace, bob: Grace) -> str:
    """The approval of what the secret is needed for, which people have consented to."""
    asked = await admin.ask_consent(
        "shop-api", "filesystem.*", target="shop", reason="a new token", lifetime_s=600
    )
    await bob.grant_consent(asked.consent_id)
    await admin.report_error("shop.token_expired", "shop", message="it has expired")

    async def waits() -> str | None:
        page = await admin.approvals(status="pending")
        return next((each.approval_id for each in page.items), None)

    found: str = await eventually(waits, timeout=30)
    return found


@pytest.mark.timeout(120)
async def test_a_secret_that_was_changed_after_its_approval_is_written_and_told_nowhere(
    house: House,
    tmp_path: Path,
    spans: InMemorySpanExporter,
    libraries: io.StringIO,
) -> None:
    secret, port = prepare(house, tmp_path), free_port()
    url = f"http://127.0.0.1:{port}"
    token = house.installation.admin_key_file.read_text(encoding="utf-8").strip()
    with capture_logs() as told:
        async with (
            house.running(
                *WHO, gateway={"port": port}, intent={"playbook_dir": tmp_path / "books"}
            ),
            Grace(url, token) as admin,
        ):
            key = await patiently(
                lambda: admin.make_key("bob", ["approvals:read", "approvals:decide"])
            )
            async with Grace(url, key.token) as bob:
                approval = await asked_for(admin, bob)
                secret.write_text(NEW)
                await approve(bob)
            mission = await ended(admin, "shop.token_expired")
            assert (mission.status, mission.confidence) == ("verified", 1.0)
            assert (tmp_path / "shop/token").read_text() == NEW
            at = f"/api/missions/{mission.mission_id}"
            shown = await tell_of_everything(url, token)
            shown += await answers(
                url, token, at, f"{at}/timeline", f"{at}/plan", f"/api/approvals/{approval}"
            )
            await ended(admin, "nobody.answers")
            kept = await everything(house)
    said = {
        "REST": shown, "tables and streams": kept, "logs": logged(told),
        "spans": "\n".join(span.to_json() for span in spans.get_finished_spans()),
        "metrics": generate_latest().decode(),
        "logs of libraries": libraries.getvalue(),
    }  # fmt: skip
    expected = {
        "REST": "shop-api", "tables and streams": "[removed: URL password]", "spans": "rpc.htm",
        "logs of libraries": "uvicorn",
    }  # fmt: skip
    assert [where for where, words in expected.items() if words not in said[where]] == []
    assert "shop-api" in kept
    canaries = {"old": OLD, "new": NEW, "bob's key": key.token, **REPORTED, **planted(house)}
    assert len(canaries) >= 20
    assert all(len(canary) >= 16 for canary in canaries.values())
    told_of = [(w, name) for w, text in said.items() for name, c in canaries.items() if c in text]
    assert told_of == []
