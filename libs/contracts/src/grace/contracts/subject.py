"""What a subject and a stream are; the tables of them are in subjects.py. Hand-written."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grace.contracts.message import ContractError

# The owner of what each service has: in the name it stands for whose it is.
EVERY_SERVICE: Final = "{service}"


class Kind(StrEnum):
    """What a message is for."""

    command = "command"  # Asks its owner to act.
    event = "event"  # Tells what happened.
    query = "query"  # Is answered by its owner.
    signal = "signal"  # A hint on core NATS; it may be lost.


@dataclass(frozen=True, slots=True)
class Subject:
    """A NATS subject. `{service}` stands for the publisher's own name; for who answers, in a query of every service."""

    name: str
    owner: str
    kind: Kind
    stream: str
    """Empty where JetStream does not keep it."""
    publishers: tuple[str, ...]
    consumers: tuple[str, ...]
    unsigned_allowed: bool
    audited: bool
    """Kept in a stream and in the immutable log."""
    schemas: tuple[str, ...]
    """The messages on it; where there are several, the header Grace-Schema says which."""
    reply: str | None
    """The schema of a query's answer."""

    @property
    def pattern(self) -> str:
        """The name with `*` for each parameter: what a reader subscribes to."""
        return ".".join("*" if _is_parameter(token) else token for token in self._tokens)

    def at(self, **parameters: str) -> str:
        """Return the subject with its parameters filled in, each by one token."""
        return ".".join(_filled(token, parameters) for token in self._tokens)

    def is_answered_by(self, service: str) -> bool:
        """Whether it is a question to this service."""
        return self.kind is Kind.query and self.owner in {service, EVERY_SERVICE}

    def served_by(self, service: str) -> str:
        """Return what this service subscribes to, to answer it."""
        return self.spoken_by(service) if self.owner == EVERY_SERVICE else self.pattern

    def spoken_by(self, service: str) -> str:
        """Return the name with the service's own name in it, and `*` for each other parameter."""
        own = self.name.replace(EVERY_SERVICE, service)
        return ".".join("*" if _is_parameter(token) else token for token in own.split("."))

    @property
    def _tokens(self) -> list[str]:
        return self.name.split(".")


@dataclass(frozen=True, slots=True)
class Stream:
    """A JetStream stream: file storage, deny_delete, deny_purge, 10 minutes of deduplication."""

    name: str
    description: str
    max_age_hours: int
    discard: str
    """`new` refuses what does not fit, `old` drops the oldest."""
    max_mib: int
    subjects: tuple[str, ...]
    watchers: tuple[str, ...] = ()
    """Services that read all of it by direct gets, without a consumer."""


def _is_parameter(token: str) -> bool:
    return token.startswith("{")


def _filled(token: str, parameters: dict[str, str]) -> str:
    if not _is_parameter(token):
        return token
    value = parameters.get(token[1:-1], "")
    if not value or any(letter in ".*> \t\r\n" for letter in value) or not value.isprintable():
        reason = f"{token} in a subject needs one token"
        raise ContractError(reason)
    return value
