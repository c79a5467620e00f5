"""What each NATS user may publish and subscribe to: a pure function of the tables. Hand-written."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from grace.contracts.subject import EVERY_SERVICE, Kind, Subject
from grace.contracts.subjects import SERVICES, STREAMS, SUBJECTS

OUTSIDE: Final = "outside"
INSTALLER: Final = "installer"
_API: Final = "$JS.API"


@dataclass(frozen=True, slots=True)
class Permissions:
    """Everything else is denied. `allow_responses`: one answer to each request it received."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    allow_responses: bool


def users() -> Mapping[str, Permissions]:
    """Return the permissions of every service, of `outside` and of `installer`."""
    services = {service: _service(service) for service in SERVICES}
    return services | {OUTSIDE: _outside(), INSTALLER: _installer()}


def durable(service: str, subject: str) -> str:
    """Return the name of the durable consumer by which a service reads a subject."""
    return f"{service}-{subject.replace('.', '-').replace('{', '').replace('}', '')}"


def inbox_prefix(user: str) -> str:
    """Return the prefix of a user's inboxes; nobody may read the default `_INBOX.`."""
    return f"_INBOX_{user}"


def durables(service: str) -> tuple[Subject, ...]:
    """Return the subjects that a service reads by durable consumers."""
    return tuple(s for s in SUBJECTS.values() if s.stream and service in s.consumers)


def _service(service: str) -> Permissions:
    owned = [s for s in SUBJECTS.values() if s.is_answered_by(service)]
    signals = [s for s in SUBJECTS.values() if service in s.consumers and s.kind is Kind.signal]
    published = [s for s in SUBJECTS.values() if service in s.publishers]
    return Permissions(
        publish=_sorted(
            [_published_name(subject, service) for subject in published],
            [
                f"{_API}.STREAM.INFO.{s.stream}"
                for s in (*published, *durables(service))
                if s.stream
            ],
            _consumer_rights(service),
            _watch_rights(service),
        ),
        subscribe=_sorted(
            [_inbox(service)],
            [s.served_by(service) for s in owned],
            [s.pattern for s in signals],
        ),
        allow_responses=bool(owned),
    )


def _published_name(subject: Subject, service: str) -> str:
    is_asked_of_any = subject.kind is Kind.query and subject.owner == EVERY_SERVICE
    return subject.pattern if is_asked_of_any else subject.spoken_by(service)


def _consumer_rights(service: str) -> Iterator[str]:
    for subject in durables(service):
        consumer = f"{subject.stream}.{durable(service, subject.name)}"
        yield f"{_API}.CONSUMER.MSG.NEXT.{consumer}"
        yield f"{_API}.CONSUMER.INFO.{consumer}"
        yield f"$JS.ACK.{consumer}.>"


def _watch_rights(service: str) -> Iterator[str]:
    for stream in STREAMS.values():
        if service in stream.watchers:
            yield f"{_API}.STREAM.INFO.{stream.name}"
            yield f"{_API}.DIRECT.GET.{stream.name}"


def _outside() -> Permissions:
    # Not quarantine.*: what was refused may be an internal message, with its body.
    events = [s.pattern for s in SUBJECTS.values() if OUTSIDE in s.consumers]
    return Permissions(
        publish=_sorted(s.pattern for s in SUBJECTS.values() if OUTSIDE in s.publishers),
        subscribe=_sorted([_inbox(OUTSIDE)], events),
        allow_responses=False,
    )


def _installer() -> Permissions:
    rights = [_right for stream in STREAMS for _right in _installer_rights(stream)]
    fixed = [f"{_API}.INFO", f"{_API}.STREAM.NAMES", f"{_API}.STREAM.LIST"]
    return Permissions(_sorted(fixed, rights), (_inbox(INSTALLER),), allow_responses=False)


def _installer_rights(stream: str) -> Iterator[str]:
    for verb in ("CREATE", "UPDATE", "INFO"):
        yield f"{_API}.STREAM.{verb}.{stream}"
    yield f"{_API}.CONSUMER.CREATE.{stream}.>"  # Then the consumer's name and its filter.
    yield f"{_API}.CONSUMER.DURABLE.CREATE.{stream}.*"
    yield f"{_API}.CONSUMER.INFO.{stream}.*"
    yield f"{_API}.CONSUMER.NAMES.{stream}"
    yield f"{_API}.CONSUMER.LIST.{stream}"


def _inbox(user: str) -> str:
    return f"{inbox_prefix(user)}.>"


def _sorted(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({subject for group in groups for subject in group}))
