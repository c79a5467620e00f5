"""Who oversteps finds every door shut: permissions, roles, signatures, filters, capabilities."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import nats
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from grace.contracts.governance import ApprovalGranted, Capability, CapabilityBody
from grace.contracts.htm import GetTasks, SubmitTasks, Task, TaskSpec, TaskSubmit
from grace.contracts.intent import ErrorDetected
from grace.contracts.permissions import OUTSIDE, inbox_prefix
from grace.contracts.subject import EVERY_SERVICE, Subject
from grace.contracts.subjects import SERVICES, STREAMS, SUBJECTS
from grace.kit import Runtime, new_id
from grace.kit.flushing import flush
from grace.testkit import House, eventually
from grace.transparency import pae
from grace.worker.domain.state import digest

CAPABILITY_KIND = "grace/capability/v1"
FINAL = {"succeeded", "failed", "cancelled", "expired", "dead_letter"}


class Intruder:
    """A plain client of a NATS user, and what the server forbade it."""

    def __init__(self, client: Client, refusals: list[str]) -> None:
        self.client = client
        self.refusals = refusals

    async def publish(self, subject: str, body: bytes = b"{}", reply: str = "") -> None:
        """Try; the server answers in order, so a refusal has come when this returns."""
        await self.client.publish(subject, body, reply=reply)
        await flush(self.client)


async def _intruder(house: House, user: str) -> Intruder:
    refusals: list[str] = []

    async def refused(error: Exception) -> None:
        refusals.append(str(error).lower())

    installation = house.installation
    client = await nats.connect(
        installation.nats.url,
        nkeys_seed=str(installation.nats.seed_file(user)),
        inbox_prefix=inbox_prefix(user).encode(),
        error_cb=refused,
    )
    house._open.push_async_callback(client.close)
    return Intruder(client, refusals)


@pytest.mark.parametrize("user", [*SERVICES, OUTSIDE])
async def test_nats_lets_nobody_publish_what_does_not_list_it(house: House, user: str) -> None:
    """Streams, requests, signals, and the keys and logs of other services."""
    intruder = await _intruder(house, user)
    others = [name for name in SERVICES if name != user]
    foreign = [s.at(service=s.owner, kernel="postgres") for s in SUBJECTS.values()
               if user not in s.publishers and "{service}" not in s.name]  # fmt: skip
    foreign += [
        s.name.replace("{service}", other)
        for s in SUBJECTS.values()
        if "{service}" in s.name and not _may_ask_all(user, s)
        for other in others
    ]
    foreign += ["$JS.API.STREAM.DELETE.EVENTS", "$JS.API.CONSUMER.CREATE.EVENTS.spy"]
    foreign += ["$JS.ACK.EVENTS.nobody.1.1.1.1.0", "_INBOX_gateway.x", "_INBOX_identity.x"]
    foreign = [subject for subject in foreign if subject != f"_INBOX_{user}.x"]
    before = await _ends_of_streams(house)
    for subject in foreign:
        await intruder.publish(subject)
    assert len(intruder.refusals) == len(foreign)
    assert await _ends_of_streams(house) == before
    assert before.keys() == STREAMS.keys()


def _may_ask_all(user: str, subject: Subject) -> bool:
    return (
        user in subject.publishers and subject.reply is not None and subject.owner == EVERY_SERVICE
    )


async def _ends_of_streams(house: House) -> dict[str | None, int]:
    jetstream = (await house.connect("tester")).jetstream()
    return {each.config.name: each.state.last_seq for each in await jetstream.streams_info()}


async def test_postgres_lets_no_service_into_anothers_schema(house: House) -> None:
    tables = await house.rows(
        "public",
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY($1)",
        list(SERVICES),
    )
    assert {row["schemaname"] for row in tables} == set(SERVICES)
    for service in SERVICES:
        role = await house.role(service)
        try:
            for row in tables:
                await _look(role, f"{row['schemaname']}.{row['tablename']}", row, service)
        finally:
            await role.close()


async def _look(role: Any, table: str, row: Any, service: str) -> None:
    """One's own table can be read, another's cannot, and nobody makes any."""
    if row["schemaname"] == service:
        await role.execute(f"SELECT 1 FROM {table} LIMIT 1")
        return
    for statement in (f"SELECT 1 FROM {table}", f"DELETE FROM {table}", f"TABLE {table}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute(statement)


async def test_postgres_lets_no_service_become_another(house: House) -> None:
    for service in ("gateway", "worker"):
        role = await house.role(service)
        try:
            for statement in (
                "SET ROLE governance",
                f"SET ROLE {service}_owner",
                "CREATE TABLE public.mine (x int)",
                f"CREATE TABLE {service}.mine (x int)",
                "CREATE SCHEMA mine",
                "CREATE DATABASE mine",
                "COPY (SELECT 1) TO PROGRAM 'true'",
                "SELECT rolpassword FROM pg_authid",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await role.execute(statement)
        finally:
            await role.close()


class Site:
    """A folder with something to clear away, and a Grace that could."""

    def __init__(self, house: House, root: Path) -> None:
        self.house = house
        self.root = root
        self.compiled = root / "package/__pycache__/module.pyc"
        self.compiled.parent.mkdir(parents=True)
        self.compiled.write_bytes(b"compiled")

    def spec(self, key: str, step: str = "apply", capability: Capability | None = None) -> TaskSpec:
        """A task that clears the folder, or one that looks at it."""
        return TaskSpec(
            key=key,
            type=f"filesystem.clear_pycache.{step}",
            kernel="filesystem",
            origin="verification",
            operation="filesystem.clear_pycache",
            step=step,
            target="site",
            params='{"path": "."}',
            priority=0,
            timeout_ms=30_000,
            max_attempts=1,
            sla_ms=60_000,
            tenant_id="default",
            action_id=f"action-{key}",
            contract_id=f"contract-{key}",
            mission_id="mission-1",
            capability=capability,
        )

    async def smuggle(self, *specs: TaskSpec) -> None:
        """Submit over the bus, as somebody else's program would."""
        await self.house.publish_raw(
            user=OUTSIDE, subject=TaskSubmit.SUBJECT, body=TaskSubmit(tasks=specs).to_bytes()
        )

    async def outcome(self, key: str) -> Any:
        """Wait for the end of a task."""

        async def ended() -> Any:
            rows = await self.house.rows(
                "htm",
                "SELECT status, error_class, error_message, origin FROM htm_tasks"
                " WHERE contract_id = $1",
                f"contract-{key}",
            )
            return rows[0] if rows[0]["status"] in FINAL else None

        return await eventually(ended, timeout=20)


def _body(spec: TaskSpec, **changes: Any) -> bytes:
    values = {
        "capability_id": str(new_id()),
        "mission_id": spec.mission_id,
        "contract_id": spec.contract_id,
        "action_id": spec.action_id,
        "step": spec.step,
        "contract_hash": "c" * 64,
        "params_hash": digest(spec.params),
        "operation": spec.operation,
        "target": spec.target,
        "tenant_id": spec.tenant_id,
        "not_after": datetime.now(UTC) + timedelta(minutes=15),
    }
    return CapabilityBody(**values | changes).to_bytes()


def _granted(spec: TaskSpec, signer: Runtime) -> Capability:
    body = _body(spec)
    signature = signer.keys.sign(CAPABILITY_KIND, body)
    return Capability(key_id=signer.keys.key_id, body=body, signature=signature)


def _made_up(spec: TaskSpec, key_id: str) -> Capability:
    """Signed by a key of the forger's own, under the name of another."""
    body = _body(spec)
    signature = Ed25519PrivateKey.generate().sign(pae(CAPABILITY_KIND, body))
    return Capability(key_id=key_id, body=body, signature=signature)


@pytest.fixture
async def site(house: House, tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(house, tmp_path / "site")
    targets = tmp_path / "targets.toml"
    targets.write_text(
        f'[targets.site]\nkind = "filesystem"\nenvironment = "demo"\nroot = "{made.root}"\n'
    )
    services = ("identity", "governance", "htm", "worker")
    async with house.running(*services, worker={"targets_file": targets}):
        yield made
        await house.dismiss()


async def test_a_forged_submission_has_no_effect_and_a_granted_one_has(site: Site) -> None:
    """Nothing but governance's signature over exactly this act moves the hand."""
    governance = await site.house.act_as("governance")
    worker = await site.house.act_as("worker")
    other = _granted(site.spec("another"), governance)
    forged = {
        "without": None,
        "another-services-signature": _granted(site.spec("another-services-signature"), worker),
        "an-invented-key": _made_up(site.spec("an-invented-key"), f"governance-{new_id()}"),
        "governances-key-id": _made_up(site.spec("governances-key-id"), governance.keys.key_id),
        "another-tasks": other,
        "altered": other.model_copy(update={"body": _body(site.spec("altered"))}),
    }
    await site.smuggle(*(site.spec(key, capability=each) for key, each in forged.items()))
    await site.smuggle(site.spec("looks-only", step="observe"))
    for key in forged:
        found = await site.outcome(key)
        assert (key, found["status"], found["error_class"]) == (key, "failed", "nonretryable")
        assert found["error_message"].startswith("blocked: ")
        assert found["origin"] == OUTSIDE
    assert (await site.outcome("looks-only"))["status"] == "succeeded"
    assert site.compiled.read_bytes() == b"compiled"
    assert await site.house.rows("worker", "SELECT 1 FROM effect_receipts") == []

    granted = site.spec("granted")
    await _submit(site, granted.model_copy(update={"capability": _granted(granted, governance)}))
    assert (await site.outcome("granted"))["status"] == "succeeded"
    assert not site.compiled.exists()


async def _submit(site: Site, spec: TaskSpec) -> Task:
    verification = await site.house.act_as("verification")
    done = await verification.call(SubmitTasks(tasks=(spec,)))
    answer = await verification.call(GetTasks(task_ids=(done.tasks[0].task_id,)))
    return answer.tasks[0]


def _report(**details: str) -> bytes:
    return ErrorDetected(
        source="watcher",
        kind="thing.broken",
        target="t-1",
        message="it broke",
        severity="error",
        detected_at=datetime.now(UTC),
        details=details,
    ).to_bytes()


async def _state(house: House) -> dict[str, int]:
    """How much there is in the tables that an approval could change."""
    found = {}
    for table in ("missions", "action_contracts", "action_events"):
        (row,) = await house.rows("verification", f"SELECT count(*) AS n FROM {table}")
        found[table] = row["n"]
    return found


async def test_an_acknowledgement_sent_into_another_stream_changes_nothing(house: House) -> None:
    """NATS does not check the reply subject of a publish: the server itself writes there."""
    intruder = await _intruder(house, OUTSIDE)
    async with house.running("identity", "verification"):
        before = await _state(house)
        await intruder.publish(ErrorDetected.SUBJECT, _report(), reply=ApprovalGranted.SUBJECT)
        (landed,) = await eventually(lambda: house.messages(ApprovalGranted.SUBJECT))
        assert json.loads(landed.data)["stream"] == "INTAKE"
        (refused,) = await eventually(
            lambda: house.rows("verification", "SELECT subject, reason, body FROM quarantine")
        )
        assert (refused["subject"], refused["reason"]) == (ApprovalGranted.SUBJECT, "unsigned")
        assert refused["body"] == landed.data
        await eventually(lambda: _is_read(house))
        assert await _state(house) == before
        await house.dismiss()
    assert intruder.refusals == []


async def _is_read(house: House, consumer: str = "verification-approval-granted") -> bool:
    """Whether a reader of EVENTS has handled everything."""
    jetstream = (await house.connect("tester")).jetstream()
    found = await jetstream.consumer_info("EVENTS", consumer)
    return found.num_pending == 0 and found.num_ack_pending == 0


async def test_a_delivery_sent_into_another_stream_is_read_by_nobody(house: House) -> None:
    """A pull request's reply subject is not checked either: a stored message is copied there."""
    granted = ApprovalGranted(
        approval_id="approval-1",
        mission_id="mission-1",
        tenant_id="default",
        plan_hash="c" * 64,
        granted_at=datetime.now(UTC),
    )
    await house.publish_raw(
        user=OUTSIDE,
        subject=ErrorDetected.SUBJECT,
        body=granted.to_bytes(),
        headers={"Grace-Schema": ApprovalGranted.SCHEMA},
    )
    intent = await _intruder(house, "intent")
    async with house.running("identity", "verification"):
        before = await _state(house)
        pull = "$JS.API.CONSUMER.MSG.NEXT.INTAKE.intent-error-detected"
        await intent.publish(pull, b'{"batch": 1}', reply=ApprovalGranted.SUBJECT)
        jetstream = (await house.connect("tester")).jetstream()

        stored = await eventually(lambda: _stray(jetstream))
        assert stored.data == granted.to_bytes()
        assert await house.messages(ApprovalGranted.SUBJECT) == []
        assert await _is_read(house)
        assert await house.rows("verification", "SELECT 1 FROM quarantine") == []
        assert await _state(house) == before
        await house.dismiss()


async def _stray(jetstream: JetStreamContext) -> Any:
    """A message that lies in EVENTS under a subject that is not one of its own."""
    with suppress(NotFoundError):
        return await jetstream.get_msg("EVENTS", seq=1, subject=ErrorDetected.SUBJECT, next=True)


async def test_a_replayed_message_is_the_same_message(house: House) -> None:
    """Whoever recorded a signed message can send it again, and achieves nothing by it."""
    async with house.running("identity", "intent", "verification"):
        await house.publish_raw(user=OUTSIDE, subject=ErrorDetected.SUBJECT, body=_report())
        (captured,) = await eventually(lambda: house.messages("error.captured"))
        await eventually(lambda: house.rows("verification", "SELECT 1 FROM missions"))
        # A stream that remembers nothing: its own deduplication would hide what is tested.
        await (await house.connect("tester")).jetstream().delete_stream("EVENTS")
        await house.installation.apply_streams()
        await house.publish_raw(
            user="tester",
            subject="error.captured",
            body=captured.data,
            headers=dict(captured.headers),
        )
        await eventually(lambda: house.messages("error.captured"))
        await eventually(lambda: _is_read(house, "verification-error-captured"))
        assert len(await house.rows("verification", "SELECT 1 FROM missions")) == 1
        told = "SELECT 1 FROM action_events WHERE subject = 'error.captured'"
        assert len(await house.rows("verification", told)) == 1
        await house.dismiss()
