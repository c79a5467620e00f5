"""The messages of grace.learning.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Double, Id, Timestamp, UInt32

__all__ = ["GetSummary", "PlaybookRecord", "PlaybookScored", "Summary"]


class PlaybookScored(Message):
    """A playbook's record changed by one outcome."""

    SCHEMA: ClassVar[str] = "grace.learning.v1.PlaybookScored"
    SUBJECT: ClassVar[str] = "learning.playbook.scored"

    playbook: Id
    contract_id: Id
    revision: UInt32
    verdict: Id
    total_executions: UInt32
    successful_executions: UInt32
    confidence: Double = Field(description="Mean of the Beta posterior.")


class PlaybookRecord(Message):
    """Part of `Summary`."""

    SCHEMA: ClassVar[str] = "grace.learning.v1.PlaybookRecord"

    playbook: Id
    total_executions: UInt32
    successful_executions: UInt32
    success_rate: Double
    confidence: Double
    lower_bound: Double = Field(description="5 % quantile of the posterior.")
    updated_at: Timestamp


class Summary(Message):
    """The answer on `rpc.learning.summary`."""

    SCHEMA: ClassVar[str] = "grace.learning.v1.Summary"

    total_outcomes: UInt32
    playbooks: tuple[PlaybookRecord, ...] = Field(default=(), max_length=1000)


class GetSummary(Message):
    """Asks on `rpc.learning.summary`."""

    SCHEMA: ClassVar[str] = "grace.learning.v1.GetSummary"
    SUBJECT: ClassVar[str] = "rpc.learning.summary"
    REPLY: ClassVar[type[Summary]] = Summary

    tenant_id: Id
