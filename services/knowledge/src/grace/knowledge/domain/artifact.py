"""What may enter the knowledge base, and when two requests are the same."""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from uuid import UUID

TOO_LARGE = "too_large"
MOST_BYTES = (
    512 * 1024
)  # with its envelope it travels in one message of NATS, which takes a megabyte
MOST_WRITTEN = 1_000_000  # the same as JSON, where an unusual character becomes up to six
DEFAULT_LANGUAGE = "english"
# The text search configurations that every supported PostgreSQL brings; simple stems nothing.
LANGUAGES = frozenset({
    "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "finnish", "french",
    "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian",
    "nepali", "norwegian", "portuguese", "romanian", "russian", "serbian", "simple", "spanish",
    "swedish", "tamil", "turkish", "yiddish",
})  # fmt: skip


@dataclass(frozen=True)  # no slots: the hashes are computed once
class Draft:
    """A text as somebody brings it, with the id that it gets if it is new."""

    id: UUID
    tenant: str
    content: str
    title: str
    artifact_type: str
    actor: str
    language: str
    origin: str
    key: str | None = None

    @cached_property
    def size(self) -> int:
        """Bytes of the content in UTF-8."""
        return len(self.content.encode())

    @cached_property
    def written(self) -> int:
        """Bytes of the content in JSON."""
        return len(json.dumps(self.content, ensure_ascii=False).encode())

    @cached_property
    def content_hash(self) -> str:
        """Names equal contents."""
        return sha256(self.content.encode()).hexdigest()

    @cached_property
    def request_hash(self) -> str:
        """Names equal requests, whoever passes them on."""
        parts = (self.content_hash, self.title, self.artifact_type, self.actor, self.language)
        return sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a text may not enter; `reason` is one word, `detail` says what to do."""

    reason: str
    detail: str


def refusal_of(draft: Draft) -> Refused | None:
    """Return why the draft may not enter; None where it may."""
    texts = {"content": draft.content, "title": draft.title, "actor": draft.actor}
    if draft.key is not None:
        texts["idempotency_key"] = draft.key
    for name, text in texts.items():
        if not text.strip():
            return Refused("blank", f"{name} is blank: give it at least one letter")
    if draft.size > MOST_BYTES:
        detail = f"content has {draft.size} bytes in UTF-8, more than {MOST_BYTES}: split the text"
        return Refused(TOO_LARGE, detail)
    if draft.written > MOST_WRITTEN:
        detail = (
            f"content has {draft.written} bytes in JSON, more than {MOST_WRITTEN}: split the text"
        )
        return Refused(TOO_LARGE, detail)
    if draft.language not in LANGUAGES:
        known = ", ".join(sorted(LANGUAGES))
        return Refused("unknown_language", f"language is none of {known}")
    return None
