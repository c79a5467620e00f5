"""The messages of grace.governance.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import Annotated, ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bool, Bytes, Id, LongText, Text, Timestamp, UInt32

__all__ = [
    "Approval",
    "ApprovalExpired",
    "ApprovalGranted",
    "ApprovalRejected",
    "ApprovalRequested",
    "Approvals",
    "Capability",
    "CapabilityBody",
    "Decide",
    "GetApproval",
    "GetKillSwitch",
    "Grant",
    "KillSwitch",
    "KillSwitchOrder",
    "KillSwitchTurned",
    "ListApprovals",
    "Permit",
    "RecallDecision",
    "RecalledDecision",
    "TurnKillSwitch",
    "Vote",
]


class CapabilityBody(Message):
    """What a capability allows.

    Travels as bytes inside Capability; the signature is over exactly these bytes.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.CapabilityBody"

    capability_id: Id
    mission_id: Id
    contract_id: Id
    action_id: Id
    step: Id = Field(description="apply or revert")
    contract_hash: Id
    params_hash: Id
    operation: Id
    target: Id
    tenant_id: Id
    secret_refs: tuple[Text, ...] = Field(default=(), max_length=1000)
    not_after: Timestamp = Field(
        description="An apply dies here unless its receipt exists; a revert lives until its contract closes."
    )


class Capability(Message):
    """A permission to change one thing once, signed by governance."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Capability"

    key_id: Id
    body: Bytes = Field(description="The JSON of a CapabilityBody.")
    signature: Bytes = Field(
        description="Ed25519 over the pre-authentication encoding of body, kind grace/capability/v1."
    )


class ApprovalRequested(Message):
    """People are asked to decide on a plan."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalRequested"
    SUBJECT: ClassVar[str] = "approval.requested"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    tier: UInt32
    quorum: UInt32
    requested_by: Id
    shown_hash: Id = Field(
        description="sha256 over the contract hashes in order: what approvers see and decide on."
    )
    expires_at: Timestamp


class Grant(Message):
    """The permission for one action of an approved plan."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Grant"

    action_id: Id
    contract_id: Id
    contract_hash: Id
    apply: Capability
    revert: Capability | None = None


class ApprovalGranted(Message):
    """A plan may run.

    decided_by is empty where policy needs nobody.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalGranted"
    SUBJECT: ClassVar[str] = "approval.granted"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    plan_hash: Id
    decided_by: tuple[Text, ...] = Field(default=(), max_length=1000)
    grants: tuple[Grant, ...] = Field(default=(), max_length=100)
    granted_at: Timestamp


class ApprovalRejected(Message):
    """A plan may not run."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalRejected"
    SUBJECT: ClassVar[str] = "approval.rejected"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    decided_by: tuple[Text, ...] = Field(default=(), max_length=1000)
    reason: Text


class ApprovalExpired(Message):
    """Nobody decided in time."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalExpired"
    SUBJECT: ClassVar[str] = "approval.expired"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    expired_at: Timestamp


class Permit(Message):
    """The permit beacon, several times a second.

    A worker that heard none for a second starts no apply.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.Permit"
    SUBJECT: ClassVar[str] = "governance.permit"

    version: UInt32 = Field(description="Rises with every change of `allowed`.")
    allowed: Bool
    reverts_allowed: Bool
    issued_at: Timestamp


class Vote(Message):
    """Part of `Approval`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Vote"

    principal: Id
    choice: Id = Field(description="approve or reject")
    at: Timestamp
    reason: Text | None = None


class Approval(Message):
    """The answer on `rpc.governance.approval`, `rpc.governance.decide`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Approval"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    status: Id
    version: UInt32 = Field(description="The row's version, for If-Match.")
    tier: UInt32
    quorum: UInt32
    requested_by: Id
    shown_hash: Id
    playbook: Id
    contracts: tuple[Annotated[LongText, Field(max_length=262144)], ...] = Field(
        default=(),
        max_length=1000,
        description="The JSON of each Contract, as approvers must read it.",
    )
    votes: tuple[Vote, ...] = Field(default=(), max_length=1000)
    requested_at: Timestamp
    expires_at: Timestamp
    decided_at: Timestamp | None = None


class Approvals(Message):
    """The answer on `rpc.governance.approvals`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Approvals"

    approvals: tuple[Approval, ...] = Field(default=(), max_length=1000)


class ListApprovals(Message):
    """Asks on `rpc.governance.approvals`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListApprovals"
    SUBJECT: ClassVar[str] = "rpc.governance.approvals"
    REPLY: ClassVar[type[Approvals]] = Approvals

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    status: Text | None = Field(default=None, description="pending, granted, rejected, expired")
    before: Text | None = Field(
        default=None, description="An approval id: the page goes on with older ones."
    )


class GetApproval(Message):
    """Asks on `rpc.governance.approval`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GetApproval"
    SUBJECT: ClassVar[str] = "rpc.governance.approval"
    REPLY: ClassVar[type[Approval]] = Approval

    tenant_id: Id
    approval_id: Id


class Decide(Message):
    """A person decides.

    Refused for the requester, for a stale version and for another hash than the one shown.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.Decide"
    SUBJECT: ClassVar[str] = "rpc.governance.decide"
    REPLY: ClassVar[type[Approval]] = Approval

    tenant_id: Id
    approval_id: Id
    principal: Id
    choice: Id = Field(description="approve or reject")
    shown_hash: Id
    if_version: UInt32 | None = None
    reason: Text | None = None


class RecalledDecision(Message):
    """The answer on `rpc.governance.recall`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.RecalledDecision"

    requested: ApprovalRequested | None = None
    granted: ApprovalGranted | None = None
    rejected: ApprovalRejected | None = None
    expired: ApprovalExpired | None = None


class RecallDecision(Message):
    """Asks governance to say again how missions were decided: for a reader that missed the event."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.RecallDecision"
    SUBJECT: ClassVar[str] = "rpc.governance.recall"
    REPLY: ClassVar[type[RecalledDecision]] = RecalledDecision

    mission_id: Id


class KillSwitchOrder(Message):
    """Part of `KillSwitch`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.KillSwitchOrder"

    version: UInt32
    is_on: Bool
    hard: Bool
    ordered_by: Id
    ordered_at: Timestamp
    reason: Text


class KillSwitch(Message):
    """Whether anything may act, and who decided that."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.KillSwitch"

    version: UInt32 = Field(description="Rises with every turn; the beacon carries it.")
    is_on: Bool = Field(description="On: no apply begins.")
    hard: Bool = Field(description="No revert begins either.")
    changed_by: Id
    changed_at: Timestamp
    reason: Text
    orders: tuple[KillSwitchOrder, ...] = Field(
        default=(), max_length=1000, description="The last ones, newest first."
    )


class TurnKillSwitch(Message):
    """A person stops all effects, or lets them go on.

    Only the tenant that runs Grace may.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.TurnKillSwitch"
    SUBJECT: ClassVar[str] = "rpc.governance.turn_kill_switch"
    REPLY: ClassVar[type[KillSwitch]] = KillSwitch

    tenant_id: Id
    is_on: Bool = Field(description="On: no apply begins any more.")
    hard: Bool = Field(description="With it: no revert begins either.")
    principal: Id
    reason: Text


class GetKillSwitch(Message):
    """Asks on `rpc.governance.kill_switch`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GetKillSwitch"
    SUBJECT: ClassVar[str] = "rpc.governance.kill_switch"
    REPLY: ClassVar[type[KillSwitch]] = KillSwitch

    tenant_id: Id


class KillSwitchTurned(Message):
    """All effects were stopped, or go on."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.KillSwitchTurned"
    SUBJECT: ClassVar[str] = "governance.kill_switch.turned"

    tenant_id: Id
    version: UInt32
    is_on: Bool
    hard: Bool
    actor: Id
    reason: Text
    turned_at: Timestamp
