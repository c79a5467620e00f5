"""What proto/ says of subjects is what the services do: nobody is asked in vain, nothing goes unread."""

import importlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from grace.contracts.registry import SCHEMAS
from grace.contracts.subject import Kind, Subject
from grace.contracts.subjects import SERVICES, SUBJECTS
from grace.kit import Service

from .tree import services, told

# Events that no service reads: they are for people, for programs outside, and for the log.
FOR_THE_RECORD = {
    "agentic.action_executing": "tells of the act; the timeline and the log keep it",
    "agentic.problem_resolved": "tells that the incident is over",
    "approval.delegated": "for people: the approval itself shows it",
    "approval.escalated": "for people: it names the group whose turn it is",
    "approval.forbidden": "for people: the policies in force stand against what they granted",
    "approval.glass_broken": "for people, loudly; `approval.granted` lets the plan run",
    "approval.reminded": "for people who have not looked",
    "approval.review_completed": "the log keeps who found what",
    "approval.review_due": "for people: the review waits in its own table",
    "approval.voted": "the log keeps who said what on the way; pages look again",
    "governance.approver.removed": "the log keeps who may decide, and who changed that",
    "governance.approver.seated": "the same",
    "htm.task.sla": "for people and pagers: the task itself shows where it stands",
    "htm.queue.steered": "the log keeps who paused what",
    "htm.task.steered": "the log keeps who wanted what; `htm.task.finished` tells of the end",
    "htm.limit.changed": "the log keeps who set which limit",
    "htm.schedule.changed": "the log keeps who set which schedule",
    "htm.quotas.changed": "the log keeps who shared out what",
    "governance.autonomy.changed": "the log keeps who moved which playbook; the next plan meets it",
    "governance.brake.turned": "for people: the next plan meets it, and asks",
    "governance.consent.changed": "the log keeps who asked, who consented and who took it back",
    "governance.standing_approval.changed": "the log keeps who gave their word, and took it back",
    "governance.policy.changed": "the log keeps who changed what decides; the next plan meets it",
    "identity.checkpoint.published": "witnesses outside keep it",
    "identity.key.rotated": "services read the registry when they meet a key they do not know",
    "intent.freeze.declared": "the log keeps who declared what",
    "intent.freeze.ended": "the log keeps who ended what",
    "intent.hold.placed": "for people: `grace holds list` and the alert read the rows",
    "intent.hold.released": "the log keeps who let what go on",
    "verification.attention.decided": "the log keeps who decided what, and why",
    "intent.playbook.imported": "the log keeps who took what into force",
    "job.completed": "for monitoring",
    "job.enqueued": "for monitoring",
    "knowledge.artifact.indexed": "for those who wait until a text can be found by its vector",
    "learning.playbook.scored": "intent asks for the summary when it ranks",
    "observability.alert.raised": "for people: the dashboard reads the table",
    "observability.alert.resolved": "the same",
    "quarantine.{service}": "for operators",
    "quarantine.{service}.settled": "the log keeps who had a message handled again, or let it go",
}


@pytest.fixture
def built(service: str, tmp_path: Path) -> Service:
    """A service as its app.py puts it together; it is never started."""
    module = importlib.import_module(f"grace.{service}.app")
    settings = importlib.import_module(f"grace.{service}.settings").Settings
    return module.build(settings(**_files(service, tmp_path)))


def _files(service: str, folder: Path) -> dict[str, Path]:
    """What identity reads before it starts."""
    if service != "identity":
        return {}
    key = folder / "master.key"
    key.touch(mode=0o600)
    key.write_text("for an architecture test only\n")
    return {"master_key_file": key}


def names(subjects: Iterable[Subject]) -> list[str]:
    return sorted(subject.name for subject in subjects)


def declared(service: str, *, stream: bool) -> list[Subject]:
    """What proto/ says that a service reads: from streams, or as signals."""
    reads = [subject for subject in SUBJECTS.values() if service in subject.consumers]
    return [subject for subject in reads if bool(subject.stream) is stream and _is_pushed(subject)]


def _is_pushed(subject: Subject) -> bool:
    return subject.kind is not Kind.query


def test_a_service_reads_exactly_the_streams_that_proto_says(service: str, built: Service) -> None:
    handled = [route.spec for route in built.parts().stream.routes]
    differences = set(names(handled)) ^ set(names(declared(service, stream=True)))
    assert not differences, told(
        f"{service}: `consumers` in proto/ makes the durable consumer and its permissions,"
        " Stream().on() reads it: one without the other goes unread, or waits for ever",
        sorted(differences),
    )


def test_a_service_hears_exactly_the_signals_that_proto_says(service: str, built: Service) -> None:
    heard = [SUBJECTS[model.SUBJECT] for model, _ in built.parts().listeners]
    differences = set(names(heard)) ^ set(names(declared(service, stream=False)))
    assert not differences, told(
        f"{service}: `consumers` in proto/ gives the permission, Service.listen() hears it",
        sorted(differences),
    )


def test_a_service_answers_exactly_the_queries_that_it_owns(service: str, built: Service) -> None:
    served = [route.spec for route in built.parts().rpc.routes]
    owned = [s for s in SUBJECTS.values() if s.is_answered_by(service)]
    differences = set(names(served)) ^ set(names(owned))
    assert not differences, told(
        f"{service}: a query that nobody serves times out at its caller; one that another service"
        " owns is answered there",
        sorted(differences),
    )


def test_no_subject_is_handled_twice(service: str, built: Service) -> None:
    parts = built.parts()
    routes = [*names(r.spec for r in parts.stream.routes), *names(r.spec for r in parts.rpc.routes)]
    found = [*routes, *(model.SUBJECT for model, _ in parts.listeners)]
    assert len(found) == len(set(found)), "two handlers would take turns, or both act"


def test_every_subject_has_one_owner() -> None:
    owners = {s: {_service_of(schema) for schema in s.schemas} for s in SUBJECTS.values()}
    assert {s.name: found for s, found in owners.items() if len(found) != 1} == {}
    own = {s: found for s, found in owners.items() if s.owner in SERVICES}
    wrong = {s.name for s, found in own.items() if found != {s.owner}}
    assert wrong == set(), "a subject is defined in the proto file of the service that owns it"


def _service_of(schema: str) -> str:
    return schema.split(".")[1]


def test_every_schema_of_a_subject_has_a_model() -> None:
    wanted = {schema for subject in SUBJECTS.values() for schema in subject.schemas}
    replies = {subject.reply for subject in SUBJECTS.values() if subject.reply}
    assert (wanted | replies) - SCHEMAS == set()


def test_publishers_and_readers_are_services_or_outside() -> None:
    people = {*services(), "outside"}
    strangers = {
        subject.name: {*subject.publishers, *subject.consumers} - people
        for subject in SUBJECTS.values()
        if {*subject.publishers, *subject.consumers} - people
    }
    assert strangers == {}, "there is no such service, so no such NATS user"


def test_only_its_owner_publishes_an_event() -> None:
    events = [s for s in SUBJECTS.values() if s.kind is Kind.event and s.owner in SERVICES]
    others = {s.name: s.publishers for s in events if set(s.publishers) - {s.owner, "outside"}}
    assert others == {}, "an event is its owner's word; who wants something done sends a command"


def test_every_event_is_read_or_said_to_be_for_the_record() -> None:
    unread = {s.name for s in SUBJECTS.values() if s.kind is Kind.event and not _is_read(s)}
    assert unread == FOR_THE_RECORD.keys(), "who is it for? Add a reader, or a line with the reason"


def _is_read(subject: Subject) -> bool:
    return bool(set(subject.consumers) - {"outside"})


def test_what_may_come_unsigned_authorises_nothing() -> None:
    unsigned = {s.name for s in SUBJECTS.values() if s.unsigned_allowed}
    assert unsigned == {
        "error.detected",  # anybody may report an error
        "intent.submit",  # anybody may ask; what follows is planned, approved and measured
        "knowledge.ingest",  # a text is data: it is found, never run
        "htm.task.submit",  # a task without a capability: kernels apply nothing for it
        "htm.work.{kernel}",  # a hint: the worker asks htm, and believes htm only
        "rpc.identity.issue.{service}",  # asked before there is a key; the NATS user is checked
        "rpc.identity.registry",  # public keys are public
        "telemetry.stress.ended",  # at worst an intent on a registered target: it is approved as any
        "telemetry.stress.sampled",  # figures
        "telemetry.stress.started",  # figures
    }, "an unsigned message may ask for attention and for nothing else: say why before you add one"
