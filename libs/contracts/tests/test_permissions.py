"""Who may do what, as a matrix: every user against every subject."""

import itertools

import pytest

from grace.contracts.message import ContractError
from grace.contracts.permissions import INSTALLER, OUTSIDE, durable, durables, users
from grace.contracts.subject import Kind, Subject
from grace.contracts.subjects import SERVICES, STREAMS, SUBJECTS

USERS = users()


def matches(pattern: str, subject: str) -> bool:
    """NATS's own rule: `*` is one token, `>` one or more at the end."""
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted, given = wanted[:-1], given[: len(wanted) - 1] if len(given) >= len(wanted) else []
    return len(wanted) == len(given) and all(
        want in ("*", token) for want, token in zip(wanted, given, strict=True)
    )


def may_publish(user: str, subject: str) -> bool:
    return any(matches(pattern, subject) for pattern in USERS[user].publish)


def may_subscribe(user: str, subject: str) -> bool:
    return any(matches(pattern, subject) for pattern in USERS[user].subscribe)


def filled(subject: Subject, service: str) -> str:
    return subject.at(service=service, kernel="postgres")


@pytest.mark.parametrize("user", USERS)
def test_only_listed_users_publish(user: str) -> None:
    able = {s.name for s in SUBJECTS.values() if may_publish(user, filled(s, user))}
    assert able == {s.name for s in SUBJECTS.values() if user in s.publishers}


@pytest.mark.parametrize("user", USERS)
def test_a_service_speaks_only_in_its_own_name(user: str) -> None:
    own = [s for s in SUBJECTS.values() if "{service}" in s.name and not is_asked_of_any(s)]
    assert own
    for subject, other in itertools.product(own, {*SERVICES, OUTSIDE, INSTALLER} - {user}):
        assert not may_publish(user, filled(subject, other))


def is_asked_of_any(subject: Subject) -> bool:
    """Whether `{service}` is whoever answers it."""
    return subject.kind is Kind.query and subject.owner == "{service}"


@pytest.mark.parametrize("user", SERVICES)
def test_what_is_asked_of_any_service_is_answered_by_that_one_alone(user: str) -> None:
    asked = [subject for subject in SUBJECTS.values() if is_asked_of_any(subject)]
    assert asked
    for subject, other in itertools.product(asked, SERVICES):
        assert may_subscribe(user, filled(subject, other)) is (user == other)
        assert may_publish(user, filled(subject, other)) is (user in subject.publishers)


@pytest.mark.parametrize("user", USERS)
def test_only_readers_without_a_durable_subscribe(user: str) -> None:
    able = {s.name for s in SUBJECTS.values() if may_subscribe(user, filled(s, user))}
    assert able == {s.name for s in SUBJECTS.values() if _listens(user, s)}


def _listens(user: str, subject: Subject) -> bool:
    if subject.kind is Kind.query:
        return subject.owner == user or (is_asked_of_any(subject) and user in SERVICES)
    return user in subject.consumers and (subject.kind is Kind.signal or user == OUTSIDE)


@pytest.mark.parametrize("user", USERS)
def test_a_durable_belongs_to_its_reader(user: str) -> None:
    kept = [subject for subject in SUBJECTS.values() if subject.stream]
    for subject, reader in itertools.product(kept, SERVICES):
        consumer = f"{subject.stream}.{durable(reader, subject.name)}"
        wanted = user == reader and reader in subject.consumers
        assert may_publish(user, f"$JS.API.CONSUMER.MSG.NEXT.{consumer}") is wanted, consumer
        assert may_publish(user, f"$JS.ACK.{consumer}.1.2.3.4.5") is wanted, consumer
        informed = may_publish(user, f"$JS.API.CONSUMER.INFO.{consumer}")
        assert informed is (wanted or user == INSTALLER), consumer


@pytest.mark.parametrize("user", USERS)
def test_nobody_reads_past_a_durable_or_destroys(user: str) -> None:
    verbs = ("STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.GET", "STREAM.MSG.DELETE")
    for stream, verb in itertools.product(STREAMS, verbs):
        assert not may_publish(user, f"$JS.API.{verb}.{stream}")
    for stream in STREAMS.values():
        assert may_publish(user, f"$JS.API.DIRECT.GET.{stream.name}") is (user in stream.watchers)
    for stream, subject in itertools.product(STREAMS, SUBJECTS):
        assert not may_publish(user, f"$JS.API.CONSUMER.DELETE.{stream}.{durable('htm', subject)}")


@pytest.mark.parametrize("user", USERS)
def test_only_the_installer_creates(user: str) -> None:
    verbs = ("STREAM.CREATE.EVENTS", "STREAM.UPDATE.EVENTS", "CONSUMER.CREATE.EVENTS.a.b.c")
    for verb in verbs:
        assert may_publish(user, f"$JS.API.{verb}") is (user == INSTALLER)


@pytest.mark.parametrize("user", USERS)
def test_an_inbox_is_private(user: str) -> None:
    for owner in USERS:
        assert may_subscribe(user, f"_INBOX_{owner}.abc.1") is (user == owner)
    assert not may_subscribe(user, "_INBOX.abc.1")
    assert not may_publish(user, "_INBOX_htm.abc.1")


@pytest.mark.parametrize("user", USERS)
def test_only_who_serves_requests_answers_them(user: str) -> None:
    assert USERS[user].allow_responses is (user in SERVICES)  # each tells of its quarantine


def test_a_durable_is_named_after_reader_and_subject() -> None:
    assert durable("htm", "htm.task.update") == "htm-htm-task-update"
    assert durable("htm", "quarantine.{service}") == "htm-quarantine-service"


def test_durable_names_are_unique_and_safe_in_file_names() -> None:
    names = [durable(service, s.name) for service in SERVICES for s in durables(service)]
    assert len(names) == len(set(names)) > 0
    assert not any(set(name) & set(".*> /\\") for name in names)


def test_a_parameter_is_one_token() -> None:
    hint = SUBJECTS["htm.work.{kernel}"]
    assert hint.at(kernel="postgres") == "htm.work.postgres"
    assert hint.pattern == "htm.work.*"
    for bad in ("", "a.b", "*", ">", "a b", "a\x00"):
        with pytest.raises(ContractError, match="one token"):
            hint.at(kernel=bad)
