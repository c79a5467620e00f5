"""`grace bootstrap` against every service: what it tells is what is so, and what is not so stops it."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grace.client import Grace
from grace.client.cli import build
from grace.stack.bootstrap import FOLDER, KIND, REPORT, TARGET, bootstrap
from grace.stack.demo.targets_file import forget
from grace.stack.errors import StackError
from grace.stack.ports import free_port
from grace.testkit import House, eventually


@asynccontextmanager
async def up(house: House) -> AsyncIterator[tuple[Path, Grace]]:
    """The data directory as `grace up` leaves it, and the administrator."""
    root, port = house.installation.root, free_port()
    url, key = f"http://127.0.0.1:{port}", house.installation.admin_key_file.read_text().strip()
    running = house.running(*house.installation.names, gateway={"port": port})
    async with running, Grace(url, key) as admin:
        await eventually(lambda: answers(admin), timeout=30)
        (root / "up.json").write_text(json.dumps({"url": url}), encoding="utf-8")
        try:
            yield root, admin
        finally:
            (root / "up.json").unlink()
            forget(house.installation.targets_file, TARGET)
            shutil.rmtree(root / FOLDER)


async def answers(admin: Grace) -> bool:
    return (await admin.health()).status == "up"


async def disable_playbooks(house: House) -> None:
    role = await house.role("intent")
    await role.execute("UPDATE intent.trigger_rules SET enabled = false")
    await role.close()


@pytest.mark.timeout(120)
async def test_the_first_mission_is_proven_once_and_a_mission_that_fails_is_told(
    house: House,
) -> None:
    told: dict[str, str] = {}
    async with up(house) as (root, admin):
        first = await bootstrap(root, told.__setitem__)
        assert (first.verdict, first.confidence, len(first.proven)) == ("verified", 1.0, 4)
        assert told["measured"].endswith("1500 changes are all there")
        assert not told["measured"].startswith("0 bytes")
        assert json.loads((root / FOLDER / REPORT).read_text())["log_key"] == first.log_key
        (mission,) = (await admin.missions()).items
        assert (mission.mission_id, mission.kind) == (first.mission_id, KIND)
        (contract,) = (await admin.mission(first.mission_id)).contracts
        assert (contract.contract_id, contract.status) == (first.contract_id, "verified")
        assert (await admin.baseline(first.baseline_id)).status == "stored"
        assert (await admin.benchmark_run(first.benchmark_run)).status == "passed"

        told.clear()
        again = await bootstrap(root, told.__setitem__)
        assert (again.mission_id, again.proven) == (first.mission_id, first.proven)
        assert "is verified since" in told["mission"]
        assert "measured" not in told
        assert again.log_entries >= first.log_entries

        (root / FOLDER / REPORT).unlink()
        await disable_playbooks(house)
        with pytest.raises(StackError, match=r"is blocked: no playbook answers sqlite.log_grows"):
            await bootstrap(root, told.__setitem__)
        assert not (root / FOLDER / REPORT).exists()


def test_without_a_grace_that_is_up_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(build(), ["bootstrap", "--data-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert f"no Grace is up on {tmp_path}: `grace up` starts one" in done.output


def test_who_may_not_read_the_key_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text('{"url": "http://127.0.0.1:1"}', encoding="utf-8")
    done = CliRunner().invoke(build(), ["bootstrap", "--data-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert f"{tmp_path / 'admin.key'}" in done.output
    assert isinstance(done.exception, SystemExit)
