"""A worker at work: identity, htm, somebody to submit and somebody to permit."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grace.contracts.governance import Capability, CapabilityBody, ConsentList, HeldConsent
from grace.contracts.htm import GetTasks, SubmitTasks, Task, TaskSpec
from grace.kit import Runtime, new_id
from grace.testkit import House, eventually
from grace.testkit.consents import OWN, Consenting
from grace.testkit.permits import Permits
from grace.worker.domain.state import digest

Shop = Any
Values = Any
FINAL = {"succeeded", "failed", "cancelled", "expired", "dead_letter", "needs_attention"}
# A task that is tried again waits no longer than it must.
_SOON = timedelta(milliseconds=50)
_RETRIES = {"retry_first": _SOON, "retry_longest": _SOON, "promote_interval": _SOON}
_FILES = """
[targets.files]
kind = "filesystem"
environment = "demo"
root = "{}"
"""


@dataclass
class Floor:
    """A worker at work, with somebody to submit and somebody to permit."""

    house: House
    shop: Shop
    runtimes: dict[str, Runtime]
    verification: Runtime
    governance: Runtime
    permits: Permits
    consenting: Consenting

    @property
    def worker(self) -> Runtime:
        """The worker under test."""
        return self.runtimes["worker"]

    def capability(
        self, spec: TaskSpec, signer: Runtime | None = None, **changes: Values
    ) -> Capability:
        """What governance would sign for this task."""
        body = CapabilityBody(
            **{
                "capability_id": str(new_id()),
                "mission_id": "mission-1",
                "contract_id": spec.contract_id,
                "action_id": spec.action_id,
                "step": spec.step,
                "contract_hash": "c" * 64,
                "params_hash": digest(spec.params),
                "operation": spec.operation,
                "target": spec.target,
                "tenant_id": spec.tenant_id,
                "not_after": datetime.now(UTC) + timedelta(minutes=15),
                **changes,
            }
        ).to_bytes()
        keys = (signer or self.governance).keys
        signature = keys.sign("grace/capability/v1", body)
        return Capability(key_id=keys.key_id, body=body, signature=signature)

    def permitted(self, spec: TaskSpec) -> TaskSpec:
        """The task with its capability."""
        return spec.model_copy(update={"capability": self.capability(spec)})

    def spec(self, step: str = "apply", **changes: Values) -> TaskSpec:
        """A task that sets the shop's statement_timeout, with an action id of its own."""
        action = changes.pop("action_id", f"action-{new_id()}")
        values = {
            "key": f"{action}:{step}:{new_id()}",
            "type": f"postgres.set_database_setting.{step}",
            "kernel": "postgres",
            "origin": "verification",
            "operation": "postgres.set_database_setting",
            "step": step,
            "target": "shop",
            "params": '{"name": "statement_timeout", "value": "5ms"}',
            "priority": 0,
            "timeout_ms": 20_000,
            "max_attempts": 3,
            "sla_ms": 60_000,
            "tenant_id": "default",
            "action_id": action,
            "contract_id": f"contract-{action}",
            "mission_id": "mission-1",
        }
        return TaskSpec(**(values | changes))

    async def setting(self) -> str | None:
        """What is set for the shop's new sessions, as its owner sees it."""
        owner = await self.shop.connect("shop_owner")
        text = await owner.fetchval(
            "SELECT setconfig[1] FROM pg_db_role_setting s"
            " JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()"
        )
        return str(text).split("=", 1)[1] if text else None

    async def submit(self, spec: TaskSpec) -> str:
        """Hand a task to htm and return its id."""
        done = await self.verification.call(SubmitTasks(tasks=(spec,)))
        return done.tasks[0].task_id

    async def task(self, task_id: str) -> Task:
        """Ask htm for a task."""
        found = await self.verification.call(GetTasks(task_ids=(task_id,)))
        return found.tasks[0]

    async def ended(self, task_id: str, timeout: float = 20) -> Task:
        """Wait until a task is final."""

        async def final() -> Task | None:
            found = await self.task(task_id)
            return found if found.status in FINAL else None

        found = await eventually(final, timeout=timeout)
        assert isinstance(found, Task)
        return found

    async def do(self, spec: TaskSpec) -> Task:
        """Submit and wait for the end."""
        return await self.ended(await self.submit(spec))

    async def result(self, spec: TaskSpec) -> dict[str, Any]:
        """Submit, wait for the success and return what it reported."""
        task = await self.do(spec)
        assert task.status == "succeeded", (task.error_class, task.error_message)
        found = json.loads(task.result_json or "")
        assert isinstance(found, dict)
        return found

    async def permit(self, *, allowed: bool = True, reverts_allowed: bool = True) -> None:
        """Say this as governance does, from now on."""
        await self.permits.begin(self.governance, allowed=allowed, reverts_allowed=reverts_allowed)

    async def silence(self) -> None:
        """Let governance say nothing any more."""
        await self.permits.silence()

    async def consent(self, *consents: HeldConsent) -> None:
        """Tell of these consents as governance does; returns once the worker has heard of them."""
        await self.consenting.begin(self.governance, *consents)
        if "worker" in self.runtimes:
            await eventually(self.are_heard)

    async def are_heard(self) -> bool:
        """Whether the worker has heard what is told."""
        rows = await self.house.rows("worker", "SELECT body FROM heard_consents")
        told = tuple(self.consenting.told)
        return any(ConsentList.from_bytes(row["body"]).consents == told for row in rows)

    async def receipts(self) -> list[Any]:
        """Every effect receipt."""
        return await self.house.rows("worker", "SELECT * FROM effect_receipts ORDER BY opened_at")


@dataclass
class Opener:
    """Opens floors on one house."""

    house: House
    shop: Shop
    folder: Path

    @property
    def root(self) -> Path:
        """The root of the target `files`."""
        return self.folder / "files"

    @property
    def targets(self) -> Path:
        """The file of targets of every floor."""
        return self.folder / "targets.toml"

    @asynccontextmanager
    async def __call__(self, **changes: Values) -> AsyncIterator[Floor]:
        """Run identity, htm and a worker; `changes` are the worker's settings, `htm` is htm's.

        `names` may leave the worker out, for a test that brings its own.
        """
        file = self.targets
        self.root.mkdir(exist_ok=True)
        file.write_text(self.shop.toml + _FILES.format(self.root), encoding="utf-8")
        htm = _RETRIES | changes.pop("htm", {})
        names = changes.pop("names", ("htm", "worker"))
        worker, permits = {"targets_file": file, **changes}, Permits()
        async with self.house.running(*names, htm=htm, worker=worker) as found:
            verification = await self.house.act_as("verification")
            governance = await self.house.act_as("governance", permits.rpc)
            consenting = Consenting()
            floor = Floor(
                self.house, self.shop, found, verification, governance, permits, consenting
            )
            await floor.consent(OWN)
            try:
                yield floor
            finally:
                await floor.silence()
                await consenting.silence()


@pytest.fixture
def floor(house: House, shop: Shop, tmp_path: Path) -> Opener:
    """Use as `async with floor() as at:`."""
    return Opener(house, shop, tmp_path)
