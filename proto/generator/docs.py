"""Writes docs/subjects.md."""

from collections.abc import Iterable

from .subjects import Subject, Tables, stream_subjects

_HEAD = """\
# Subjects and streams

Generated from proto/ by proto/generate.py: do not edit.

A *command* asks its owner to act, an *event* tells what happened, a *query* is answered by its
owner, a *signal* is a hint on core NATS that may be lost. A token in braces is a parameter:
`{service}` is the publisher's own name. Who may publish is enforced by NATS
(`deploy/nats/permissions.json`); who is to be believed is decided by the signature.

## Subjects

"""


def render_docs(tables: Tables) -> str:
    """Return the page: the table of subjects, then the table of streams."""
    subjects = _table(
        "Subject|Kind|Owner|Publishers|Readers|Stream|Message|What it says",
        (_subject_row(subject, tables) for subject in tables.subjects),
    )
    streams = _table(
        "Stream|Kept for|Full|MiB|Watched by|Subjects|What it is for",
        (_stream_row(name, tables) for name in tables.streams),
    )
    notes = "\nUnsigned messages are accepted only on: " + ", ".join(
        f"`{subject.name}`" for subject in tables.subjects if subject.unsigned_allowed
    )
    unaudited = ".\n\nKept in a stream, but not in the immutable log: " + ", ".join(
        f"`{subject.name}`" for subject in tables.subjects if subject.stream and not subject.audited
    )
    return f"{_HEAD}{subjects}{notes}{unaudited}.\n\n## Streams\n\n{streams}"


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    columns = head.split("|")
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _subject_row(subject: Subject, tables: Tables) -> tuple[str, ...]:
    every = set(subject.publishers) == set(tables.services)
    messages = [_short(schema) for schema in subject.schemas]
    answer = f" → {_short(subject.reply)}" if subject.reply else ""
    asked = "whom it names" if subject.owner == "{service}" else subject.owner
    readers = subject.consumers or ((asked,) if subject.kind == "query" else ())
    return (
        f"`{subject.name}`",
        subject.kind,
        "each service" if subject.owner == "{service}" else subject.owner,
        "every service" if every else ", ".join(subject.publishers),
        ", ".join(readers),
        subject.stream,
        ", ".join(messages) + answer,
        _first_sentence(subject.doc),
    )


def _stream_row(name: str, tables: Tables) -> tuple[str, ...]:
    stream = tables.streams[name]
    kept = ", ".join(f"`{subject}`" for subject in stream_subjects(tables, name))
    full = "refuses the new" if stream["discard"] == "new" else "drops the oldest"
    hours, mib = f"{stream['max_age_hours']} h", str(stream["max_mib"])
    watchers = ", ".join(stream.get("watchers", ()))
    return (f"`{name}`", hours, full, mib, watchers, kept, stream["description"])


def _short(schema: str) -> str:
    return f"`{schema.rpartition('.')[2]}`"


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".").replace("|", "\\|")
