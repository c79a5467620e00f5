"""Plays intent, governance, the worker and the gateway around verification, by the real protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grace.contracts.governance import ApprovalGranted, Capability, CapabilityBody, Grant
from grace.contracts.htm import (
    ClaimedTask,
    ClaimTasks,
    SubmitTasks,
    TaskSpec,
    TaskUpdate,
    TaskUpdateStatus,
)
from grace.contracts.intent import ActionPlanned, ErrorCaptured
from grace.contracts.intent import Plan as WirePlan
from grace.contracts.message import Message
from grace.contracts.verification import Baseline as WireBaseline
from grace.contracts.verification import Contract as WireContract
from grace.contracts.verification import (
    ContractView,
    GetBaseline,
    GetMission,
    GetTimeline,
    Mission,
    TakeBaseline,
    TimelineEntry,
)
from grace.kit import Keys, Runtime, Service, new_id
from grace.testkit import House, eventually
from grace.testkit.prometheus import PrometheusStandIn
from grace.testkit.validating import Validating
from grace.verification import handlers, loops
from grace.verification.domain.contract import (
    Action,
)
from grace.verification.domain.state import digest
from grace.verification.loops.recall import Retellers
from grace.verification.settings import Settings
from grace.verification.store.shapes import action_on_wire

if TYPE_CHECKING:
    from conftest import Make

QUICK = {
    "retry_first": timedelta(milliseconds=20),
    "retry_longest": timedelta(seconds=1),
    "expire_interval": timedelta(milliseconds=300),
}
ERRORS = "sum(rate(shop_errors_total[1m]))"
TAKES = {"takes_interval": timedelta(milliseconds=20), "advance_interval": timedelta(seconds=0.05)}
FAST = {"poll_interval": timedelta(milliseconds=200), "claim_for": timedelta(seconds=1)}


class Play:
    """One mission's surroundings: intent, governance and a worker, played by the test."""

    def __init__(self, house: House, make: Make, tenant: str = "default") -> None:
        self.house = house
        self.make = make
        self.tenant = tenant
        self.permitted_for = timedelta(minutes=15)  # from the grant on
        self.validating = Validating()
        self._actors: dict[str, Runtime] = {}

    @asynccontextmanager
    async def open(self, **settings: Any) -> AsyncIterator[dict[str, Runtime]]:
        """Run identity, htm and verification, and let the test be the others."""
        names = ("htm", "verification")
        settings = FAST | settings
        async with self.house.running(*names, htm=QUICK, verification=settings) as services:
            yield services

    @asynccontextmanager
    async def others(self) -> AsyncIterator[None]:
        async with self.house.running("htm", htm=QUICK):
            yield

    async def actor(self, name: str) -> Runtime:
        """One of the others, started when it is needed first."""
        if name not in self._actors:
            answers = self.validating.rpc if name == "worker" else None
            self._actors[name] = await self.house.act_as(name, answers)
        return self._actors[name]

    @asynccontextmanager
    async def verification(self, **settings: Any) -> AsyncIterator[dict[str, Runtime]]:
        async with self.house.running("verification", verification=FAST | settings) as services:
            yield services

    async def publish(self, actor: str, *messages: Message) -> None:
        for message in messages:
            await (await self.actor(actor)).report(message)

    def captured(self, mission_id: str, target: str = "shop-db") -> ErrorCaptured:
        return ErrorCaptured(
            mission_id=mission_id,
            tenant_id=self.tenant,
            signal_id=str(new_id()),
            fingerprint="f" * 64,
            source="watch",
            kind="postgres.runaway_query",
            target=target,
            message="queries run away",
            severity="error",
            requested_by="admin",
            detected_at=datetime.now(UTC),
            captured_at=datetime.now(UTC),
        )

    def planned(self, mission_id: str, *actions: Action, **changes: Any) -> ActionPlanned:
        """A plan of these actions, detected now."""
        wire = WirePlan(
            mission_id=mission_id,
            tenant_id=self.tenant,
            playbook="postgres-runaway-queries",
            playbook_version=1,
            kind="postgres.runaway_query",
            target=(actions or (self.make.action(),))[0].target,
            requested_by="admin",
            planned_at=datetime.now(UTC),
            detected_at=changes.pop("detected_at", None) or datetime.now(UTC),
            actions=tuple(action_on_wire(each) for each in actions or (self.make.action(),)),
            severity=changes.pop("severity", None),
        )
        data = wire.to_bytes()
        return ActionPlanned(
            mission_id=mission_id,
            tenant_id=self.tenant,
            plan_hash=digest(data),
            plan=data,
            **changes,
        )

    async def begin_baseline(
        self, target: str = "shop-db", params: str = '{"seconds":4}', *, worker: bool = True
    ) -> str:
        if worker:
            await self.actor("worker")
        begun = await (await self.actor("gateway")).call(
            TakeBaseline(
                tenant_id=self.tenant,
                target=target,
                operation="postgres.activity",
                params=params,
                timeout_ms=30_000,
                requested_by="admin",
            )
        )
        assert begun.status == "measuring"
        return str(begun.baseline_id)

    async def baseline(self, target: str = "shop-db", **more: str) -> str:
        """Take a baseline, measured by the worker."""
        baseline_id = await self.begin_baseline(target, **more)
        await self.work("observe", self.make.healthy | {"series": {"commits": [1, 2]}})
        await eventually(lambda: self.baseline_is(baseline_id, "stored"))
        return baseline_id

    async def baseline_is(self, baseline_id: str, status: str) -> WireBaseline:
        found = await (await self.actor("gateway")).call(
            GetBaseline(tenant_id=self.tenant, baseline_id=baseline_id)
        )
        assert found.status == status, found
        return found

    async def mission_until(self, mission_id: str, *statuses: str, timeout: float = 10) -> Mission:
        async def stands() -> Mission:
            found = await (await self.actor("gateway")).call(
                GetMission(tenant_id=self.tenant, mission_id=mission_id)
            )
            assert found.status in statuses, found
            return found

        found: Mission = await eventually(stands, timeout=timeout)
        return found

    async def start(self, *actions: Action, baseline: bool = True, **plan: Any) -> str:
        """A mission with a plan that was granted."""
        if baseline:
            await self.baseline()
        mission_id = f"mission-{new_id()}"
        planned = self.planned(mission_id, *actions, **plan)
        await self.publish("intent", self.captured(mission_id), planned)
        await self.mission_until(mission_id, "planned")
        await self.publish("governance", await self.granted(mission_id))
        await eventually(lambda: self.heard(mission_id, "approval.granted", 1))
        return mission_id

    @asynccontextmanager
    async def still(self, **settings: Any) -> AsyncIterator[Runtime]:
        """The same without the loop that advances contracts: the test ticks."""
        values = self.house.installation.settings("verification", self.house.database)
        own = Settings(**values | FAST | settings)
        wakes = handlers.Wakes(
            advance=loops.Advance, baselines=loops.Baselines, takes=loops.TakeByWorker
        )
        sources = self.sources(own)
        service = (
            Service("verification", own)
            .schema(str(Path(handlers.__file__).parent))
            .handle(handlers.stream(own, wakes))
            .serve(handlers.rpc(own, wakes, sources.check))
            .every(timedelta(milliseconds=20), loops.Baselines(own, sources))
        )
        async with self.others():
            started = await self.house.furnished(service).start()
            try:
                yield started.runtime
            finally:
                await started.stop()

    def sources(self, settings: Settings) -> loops.Sources:
        return loops.Sources(
            settings.sources_file,
            largest=settings.source_answer_most,
            longest=settings.source_timeout,
        )

    def recall(self, settings: Settings) -> loops.Recall:
        retellers = Retellers(handlers.retell_mission, handlers.retell_decision)
        return loops.Recall(settings, retellers, advance=loops.Advance)

    async def granted(self, mission_id: str, **changes: Any) -> ApprovalGranted:
        """The grant of everything that was drafted for a mission."""
        rows = await self.house.rows(
            "verification",
            "select c.*, m.plan_hash from action_contracts c join missions m using (mission_id)"
            " where mission_id = $1 order by sequence",
            mission_id,
        )
        keys = (await self.actor("governance")).keys
        whole = ApprovalGranted(
            approval_id=f"approval-{new_id()}",
            mission_id=mission_id,
            tenant_id=self.tenant,
            plan_hash=rows[0]["plan_hash"],
            decided_by=("alice",),
            grants=tuple(
                self._grant(keys, WireContract.from_bytes(row["contract"])) for row in rows
            ),
            granted_at=datetime.now(UTC),
        )
        return whole.model_copy(update=changes)

    def _grant(self, keys: Keys, contract: WireContract) -> Grant:
        return Grant(
            action_id=contract.action.action_id,
            contract_id=contract.contract_id,
            contract_hash=digest(contract.to_bytes()),
            apply=self._capability(keys, contract, "apply"),
            revert=self._capability(keys, contract, "revert")
            if contract.action.reversible
            else None,
        )

    def _capability(self, keys: Keys, contract: WireContract, step: str) -> Capability:
        body = CapabilityBody(
            capability_id=f"capability-{new_id()}",
            mission_id=contract.mission_id,
            contract_id=contract.contract_id,
            action_id=contract.action.action_id,
            step=step,
            contract_hash=digest(contract.to_bytes()),
            params_hash=contract.action.params_hash,
            operation=contract.action.operation,
            target=contract.action.target,
            tenant_id=contract.tenant_id,
            not_after=datetime.now(UTC) + self.permitted_for,
        ).to_bytes()
        signature = keys.sign("grace/capability/v1", body)
        return Capability(key_id=keys.key_id, body=body, signature=signature)

    async def submit(self, spec: TaskSpec) -> None:
        """Submit a task as another of Grace's services."""
        await (await self.actor("gateway")).call(SubmitTasks(tasks=(spec,)))

    async def contract_is(self, mission_id: str, status: str) -> ContractView:
        found = await self.mission_until(mission_id, "acting")
        assert found.contracts[0].status == status
        return found.contracts[0]

    async def heard(self, mission_id: str, subject: str, times: int) -> bool:
        lines = [line.subject for line in await self.timeline(mission_id)]
        return lines.count(subject) == times

    async def write(self, statement: str) -> None:
        """Change verification's schema as the administrator."""
        admin = await self.house.installation.admin(self.house.database)
        try:
            await admin.execute(f"SET search_path TO verification; {statement}")
        finally:
            await admin.close()

    async def claim_any(self, timeout: float = 10) -> ClaimedTask:
        """Claim the next task."""
        worker = await self.actor("worker")

        async def claimed() -> ClaimedTask | None:
            found = await worker.call(ClaimTasks(worker_id="w1", kernels=("postgres",), slots=1))
            return found.tasks[0] if found.tasks else None

        task: ClaimedTask = await eventually(claimed, timeout=timeout)
        return task

    async def claim(self, step: str) -> ClaimedTask:
        """Claim the next task, which must be of this step."""
        task = await self.claim_any()
        assert task.spec.step == step, task
        return task

    async def report(
        self, task: ClaimedTask, result: object = None, *, failure: str = "", error_class: str = ""
    ) -> None:
        """Report a claimed task: a result, or a failure."""
        text = result if isinstance(result, str) else json.dumps(result)
        update = TaskUpdate(
            task_id=task.task_id,
            status=TaskUpdateStatus.failed if failure else TaskUpdateStatus.completed,
            worker_id="w1",
            attempt_number=task.attempt_number,
            at=datetime.now(UTC),
            result_json=None if result is None else text,
            error_message=failure or None,
            error_class=error_class or ("nonretryable" if failure else None),
        )
        await (await self.actor("worker")).report(update)

    async def work(self, step: str, result: object = None, **failure: str) -> ClaimedTask:
        """Claim the next task and report it."""
        task = await self.claim(step)
        await self.report(task, result, **failure)
        return task

    async def apply(self) -> ClaimedTask:
        return await self.work("apply", self.make.applied())

    async def told(self, subject: str) -> list[dict[str, Any]]:
        """The bodies of all messages on a subject."""
        return [json.loads(message.data) for message in await self.house.messages(subject)]

    async def timeline(self, mission_id: str) -> list[TimelineEntry]:
        found = await (await self.actor("gateway")).call(
            GetTimeline(tenant_id=self.tenant, mission_id=mission_id)
        )
        return list(found.entries)

    async def holds(self) -> list[str]:
        rows = await self.house.rows("verification", "select contract_id from target_holds")
        return [row["contract_id"] for row in rows]


@pytest.fixture
def play(house: House, make: Make) -> Play:
    return Play(house, make)


@pytest.fixture
async def shop() -> AsyncIterator[PrometheusStandIn]:
    shop = PrometheusStandIn(values={ERRORS: [0.0]}, pages={"/health": (200, {}, b'{"queue": 3}')})
    server = await shop.serve()
    try:
        yield shop
    finally:
        server.close()


@pytest.fixture
def settings(shop: PrometheusStandIn, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "sources.toml"
    file.write_text(shop.sources, encoding="utf-8")
    return {"sources_file": file, **TAKES}
