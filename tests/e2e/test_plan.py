"""A verification plan on the real kernels: every kind of measurement holds, then the fault returns."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from e2e.test_remediation import people
from faults.story import approve

from grace.client import Grace
from grace.contracts.verification import Mission
from grace.stack.ports import free_port
from grace.testkit import House, eventually
from grace.testkit.prometheus import PrometheusStandIn

KIND = "filesystem.log_too_large"
SERVICES = (
    "identity",
    "gateway",
    "intent",
    "governance",
    "verification",
    "htm",
    "worker",
    "learning",
)
PLAYBOOK = f"""
playbook: log-too-large
version: 1
trigger:
  condition: kind == "{KIND}"
steps:
  - action:
      operation: filesystem.rotate_log
      params: {{path: app.log}}
    measurement:
      operation: filesystem.usage
      params: {{path: .}}
    expectations:
      - {{field: bytes, comparison: at_most, value: 1000}}
    verification:
      - name: log
        kind: file_hash
        path: app.log
        sha256: {sha256(b"").hexdigest()}
        expectations: [{{field: matches, comparison: at_least, value: 1}}]
      - name: answers
        kind: command
        target: checks
        argv: [/bin/echo, "7"]
        expectations: [{{field: value, comparison: at_least, value: 7}}]
      - name: errors
        kind: promql
        source: metrics
        query: shop_errors
        count: 2
        interval: 100ms
        expectations: [{{field: value, comparison: at_most, value: 0}}]
      - name: page
        kind: http
        source: web
        path: /health
        fields: {{queue: /queue}}
        expectations: [{{field: queue, comparison: at_most, value: 5}}]
"""


async def test_every_kind_of_measurement_holds_and_a_fault_that_returns_opens_the_mission_again(
    house: House, tmp_path: Path
) -> None:
    shop = PrometheusStandIn(
        values={"shop_errors": [0.0]}, pages={"/health": (200, {}, b'{"queue": 1}')}
    )
    log = prepare(house, tmp_path)
    port = free_port()
    settings = {
        "gateway": {"port": port},
        "intent": {"playbook_dir": tmp_path / "playbooks"},
        "verification": {"watch_after": (timedelta(seconds=1),)},
    }
    async with await shop.serve(), house.running(*SERVICES, **settings):
        house.installation.sources_file.write_text(shop.sources, encoding="utf-8")
        async with people(house, port) as (admin, bob):
            await admin.report_error(kind=KIND, target="app", message="it is too large")
            await approve(bob)
            first = await eventually(lambda: ended(admin), timeout=30)
            assert (first.status, first.confidence) == ("verified", 1.0), first
            log.write_bytes(b"x" * 200_000)  # the program goes on as before

            reopened = await eventually(lambda: opened_again(admin, first.mission_id), timeout=30)
            (contract,) = reopened.contracts
            assert (contract.revision, contract.revised_verdict) == (2, "failed")
            assert "bytes: measured 200000, expected at most 1000" in (
                contract.revised_reason or ""
            )
            assert reopened.status == "verified"  # what was true then is not untold
            known = "SELECT 1 FROM missions WHERE mission_id = $1 AND reopened_at IS NOT NULL"
            await eventually(lambda: house.rows("intent", known, first.mission_id))
            second = await eventually(lambda: the_other(admin, first.mission_id), timeout=30)
            assert (second.kind, second.requested_by) == (KIND, first.requested_by)
            await eventually(lambda: no_success_is_left(admin))
            # What was approved was approved for that folder, and not for what has its name by now.
            exchange(house, tmp_path)
            await approve(bob)
            third = await eventually(lambda: blocked(admin, second.mission_id), timeout=30)
            assert "app stands for something else by now" in (third.reason or "")
            assert (tmp_path / "other/app.log").stat().st_size == 200_000
    actual = first.contracts[0].actual_state or {}
    assert (actual["log.matches"], actual["answers.value"]) == (1, 7.0)
    assert (actual["errors.value"], actual["page.queue"]) == (0.0, 1.0)


def prepare(house: House, folder: Path) -> Path:
    """A folder with a log that is too large, a list of one command, and a playbook."""
    (folder / "app").mkdir()
    (folder / "playbooks").mkdir()
    (folder / "playbooks/log-too-large.yaml").write_text(PLAYBOOK, encoding="utf-8")
    house.installation.targets_file.write_text(
        f'[targets.app]\nkind = "filesystem"\nenvironment = "test"\nroot = "{folder}/app"\n'
        '[targets.checks]\nkind = "command"\nenvironment = "test"\nallow = [["/bin/echo", "7"]]\n',
        encoding="utf-8",
    )
    log = folder / "app/app.log"
    log.write_bytes(b"x" * 200_000)
    return log


def exchange(house: House, folder: Path) -> None:
    """The name leads to another folder, with a log of its own."""
    (folder / "other").mkdir()
    (folder / "other/app.log").write_bytes(b"x" * 200_000)
    file = house.installation.targets_file
    file.write_text(file.read_text().replace(f"{folder}/app", f"{folder}/other"), encoding="utf-8")


async def blocked(grace: Grace, mission_id: str) -> Mission | None:
    found = await grace.mission(mission_id)
    return found if found.status == "blocked" else None


async def ended(grace: Grace) -> Mission | None:
    page = await grace.missions()
    found = next((each for each in page.items if each.closed_at), None)
    return await grace.mission(found.mission_id) if found else None


async def opened_again(grace: Grace, mission_id: str) -> Mission | None:
    found = await grace.mission(mission_id)
    return found if found.reopened_at else None


async def the_other(grace: Grace, mission_id: str) -> Mission | None:
    page = await grace.missions()
    return next((each for each in page.items if each.mission_id != mission_id), None)


async def no_success_is_left(grace: Grace) -> bool:
    records = (await grace.learning_summary()).playbooks
    return [(each.total_executions, each.successful_executions) for each in records] == [(1, 0)]
