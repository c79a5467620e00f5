"""Reads a playbook's text, and refuses one in which a secret lies open: it would be stored as it is."""

from collections.abc import Iterator

from grace.contracts.secrets import objection
from grace.intent.domain.document import line_of, parse_playbook
from grace.intent.domain.playbook import Call, Playbook, PlaybookError


def read_playbook(source: bytes) -> Playbook:
    """Return the playbook that a text says; PlaybookError names the line, and repeats no value."""
    playbook = parse_playbook(source)
    for where, call in _calls(playbook):
        if (found := objection(call.operation, call.params)) is not None:
            place = f"{where}.{found.where}"
            line = line_of(place, source)
            raise PlaybookError(f"line {line}: {place}: {found.why}", place, line)
    return playbook


def _calls(playbook: Playbook) -> Iterator[tuple[str, Call]]:
    for number, step in enumerate(playbook.steps):
        where = f"playbook.steps[{number}]"
        yield f"{where}.action", step.action
        yield f"{where}.measurement", step.measurement
        for place, each in enumerate(step.measures):
            yield f"{where}.verification[{place}]", each.call
