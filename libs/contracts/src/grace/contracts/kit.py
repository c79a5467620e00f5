"""The messages of grace.kit.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bytes, Id, Text, Timestamp

__all__ = ["Problem", "Quarantined"]


class Problem(Message):
    """The answer to a request that failed."""

    SCHEMA: ClassVar[str] = "grace.kit.v1.Problem"

    kind: Id = Field(description="One word out of the closed list in libs/kit errors.")
    detail: Text


class Quarantined(Message):
    """A message that could not be handled, with the reason."""

    SCHEMA: ClassVar[str] = "grace.kit.v1.Quarantined"
    SUBJECT: ClassVar[str] = "quarantine.{service}"

    original_subject: Text
    original_id: Text
    consumer: Id
    reason: Id = Field(
        description="not_json, schema, too_large, unsigned, bad_signature, foreign_key, bad_id, issued_in_future, too_old, refused, handler_failed"
    )
    detail: Text
    body: Bytes = Field(description="The first 64 KiB.")
    at: Timestamp
