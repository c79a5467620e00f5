"""Names that hold to the letter: people, dashboards and other programs know them."""

import re
from collections.abc import Iterator

import pytest

from grace.contracts.subjects import SUBJECTS

from .tree import ROOT, package

# Each table, the service whose schema has it, and columns that others speak of.
TABLES = {
    "htm_tasks": (
        "htm",
        "created_at queued_at assigned_at started_at finished_at updated_at sla_deadline_at origin",
    ),
    "htm_task_attempts": ("htm", "task_id attempt_number outcome"),
    "crypto_key_store": ("identity", "key_id component suite ciphertext"),
    "component_crypto_identities": ("identity", "key_id component public_key status expires_at"),
    "immutable_log": ("identity", "producer audit_no body signature leaf_hash"),
    "outcome_records": ("learning", "contract_id revision playbook verdict executed succeeded"),
    "playbook_statistics": ("learning", "playbook total_executions successful_executions"),
    "action_events": ("verification", "contract_id mission_id subject"),
    "action_contracts": ("verification", "snapshot_id playbook_id status confidence"),
    "safe_hold_snapshots": ("verification", "contract_id content_hash state"),
    "benchmarks": ("verification", "contract_id operation"),
    "missions": ("verification", "mission_id status requested_by"),
    "stress_runs": ("observability", "run_id suite target status requests errors p99_ms"),
    "alerts": ("observability", "kind subject severity status raised_at resolved_at"),
    "approval_requests": ("governance", "event_id tier quorum status requested_by"),
}
# Inside a schema a reference is a foreign key; across schemas it is a value.
FOREIGN_KEYS = {
    ("action_events", "action_contracts"), ("action_events", "missions"),
    ("action_contracts", "missions"), ("action_contracts", "safe_hold_snapshots"),
    ("benchmarks", "action_contracts"), ("safe_hold_snapshots", "action_contracts"),
    ("crypto_key_store", "component_crypto_identities"),
}  # fmt: skip
# Each subject and who publishes it; all are kept in a stream and in the immutable log.
SUBJECTS_BY_NAME = {
    "htm.task.update": {"worker"},
    "error.detected": {"outside"},
    "error.captured": {"intent"},
    "agentic.action_planned": {"intent"},
    "agentic.action_executing": {"verification"},
    "agentic.problem_resolved": {"verification"},
    "approval.requested": {"governance"},
    "approval.granted": {"governance"},
    "approval.rejected": {"governance"},
    "approval.expired": {"governance"},
    "job.enqueued": {"htm"},
    "job.completed": {"htm"},
}
METRICS = {
    "grace_rollbacks_total": "verification",
    "grace_action_confidence": "verification",
    "grace_approval_latency_seconds": "governance",
}


def schema(service: str) -> str:
    folder = ROOT / "services" / service / "migrations"
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))


def definition(service: str, table: str) -> str:
    found = re.search(
        rf"CREATE TABLE {table} \((.*?)^\)", schema(service), re.DOTALL | re.MULTILINE
    )
    assert found, f"{service} has no table {table}"
    return found[1]


def foreign_keys(service: str) -> Iterator[tuple[str, str]]:
    text = schema(service)
    for table in re.findall(r"CREATE TABLE (\w+) \(", text):
        yield from (
            (table, to) for to in re.findall(r"REFERENCES (\w+)", definition(service, table))
        )
    yield from re.findall(r"ALTER TABLE (\w+) ADD FOREIGN KEY \(\w+\) REFERENCES (\w+)", text)


@pytest.mark.parametrize("table", TABLES)
def test_a_named_table_is_in_its_services_schema_with_its_columns(table: str) -> None:
    service, wanted = TABLES[table]
    columns = set(re.findall(r"^\s+(\w+)\s", definition(service, table), re.MULTILINE))
    assert set(wanted.split()) <= columns


def test_references_inside_a_schema_are_foreign_keys() -> None:
    owners = {service for service, _ in TABLES.values()}
    found = {pair for service in owners for pair in foreign_keys(service)}
    assert found >= FOREIGN_KEYS
    held = tuple(f"{table}_" for table, _ in FOREIGN_KEYS)
    text = "".join(schema(service) for service in sorted(owners))
    dropped = re.findall(r"DROP CONSTRAINT (?:IF EXISTS )?(\w+)_fkey", text)
    assert not [name for name in dropped if name.startswith(held)]


def test_no_schema_refers_to_another(service: str) -> None:
    own = set(re.findall(r"CREATE TABLE (\w+) ", schema(service)))
    assert {to for _, to in foreign_keys(service)} <= own, (
        "across schemas an id is a value: a foreign key would need rights on another's table"
    )


def test_every_moment_is_kept_with_its_time_zone(service: str) -> None:
    found = re.findall(r"\btimestamp\b(?! with time zone)", schema(service), re.IGNORECASE)
    assert not found, "a moment without a zone compares with no other: timestamptz"


@pytest.mark.parametrize("name", SUBJECTS_BY_NAME)
def test_a_named_subject_has_its_publishers_a_stream_and_a_place_in_the_log(name: str) -> None:
    subject = SUBJECTS[name]
    assert set(subject.publishers) >= SUBJECTS_BY_NAME[name]
    assert subject.stream
    assert subject.audited


@pytest.mark.parametrize("name", METRICS)
def test_a_named_metric_is_its_services(name: str) -> None:
    text = (package(METRICS[name]) / "metrics.py").read_text(encoding="utf-8")
    assert f'"{name}"' in text
