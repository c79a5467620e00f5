"""The messages of grace.governance.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import Annotated, ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bool, Bytes, Double, Id, LongText, Text, Timestamp, UInt32

__all__ = [
    "Approval",
    "ApprovalDelegated",
    "ApprovalEscalated",
    "ApprovalExpired",
    "ApprovalForbidden",
    "ApprovalGranted",
    "ApprovalRejected",
    "ApprovalReminded",
    "ApprovalRequested",
    "ApprovalVoted",
    "Approvals",
    "Approver",
    "ApproverRemoved",
    "ApproverSeated",
    "Approvers",
    "AskConsent",
    "Autonomies",
    "Autonomy",
    "AutonomyChanged",
    "AutonomyMove",
    "Brake",
    "BrakeMove",
    "BrakeTurned",
    "BreakGlass",
    "Capability",
    "CapabilityBody",
    "CompleteReview",
    "Consent",
    "ConsentChanged",
    "ConsentList",
    "Consents",
    "Decide",
    "DecideConsent",
    "Delegate",
    "Delegation",
    "GetApproval",
    "GetAutonomy",
    "GetBrake",
    "GetKillSwitch",
    "GetReview",
    "GetRuling",
    "GiveStandingApproval",
    "GlassBroken",
    "Grant",
    "HeldConsent",
    "KillSwitch",
    "KillSwitchOrder",
    "KillSwitchTurned",
    "ListApprovals",
    "ListApprovers",
    "ListAutonomy",
    "ListConsents",
    "ListPolicies",
    "ListPolicyVersions",
    "ListReviews",
    "ListRulings",
    "ListStandingApprovals",
    "Permit",
    "PermitWord",
    "PolicyCandidate",
    "PolicyCase",
    "PolicyChanged",
    "PolicyDocument",
    "PolicyDocuments",
    "PolicyRule",
    "RecallDecision",
    "RecalledDecision",
    "RemoveApprover",
    "ReplayRulings",
    "ReplayedRuling",
    "ReplayedRulings",
    "Review",
    "ReviewCompleted",
    "ReviewDue",
    "Reviews",
    "RevokeConsent",
    "RevokeStandingApproval",
    "Ruling",
    "Rulings",
    "SeatApprover",
    "SetAutonomy",
    "SetPolicy",
    "SignedConsents",
    "SimulatePolicies",
    "SimulatedMove",
    "SimulatedPolicies",
    "StandingApproval",
    "StandingApprovalChanged",
    "StandingApprovals",
    "TriedCase",
    "TriedPolicies",
    "TryPolicies",
    "TurnBrake",
    "TurnKillSwitch",
    "UseConsent",
    "UsedConsent",
    "Vote",
    "VouchPermit",
    "VouchedPermit",
]


class Approver(Message):
    """Who may decide, and for which group.

    Approvals that need several people need them from different groups.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.Approver"

    tenant_id: Id
    principal: Id
    group: Id
    seated_by: Id
    seated_at: Timestamp
    removed_at: Timestamp | None = None
    removed_by: Text | None = None


class SeatApprover(Message):
    """Gives a person a seat among the approvers of a tenant, or moves them to another group."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.SeatApprover"
    SUBJECT: ClassVar[str] = "rpc.governance.seat_approver"
    REPLY: ClassVar[type[Approver]] = Approver

    tenant_id: Id
    principal: Id
    group: Id
    actor: Id = Field(description="Nobody changes their own seat.")


class RemoveApprover(Message):
    """Takes the seat away: their votes on what is pending count no more."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.RemoveApprover"
    SUBJECT: ClassVar[str] = "rpc.governance.remove_approver"
    REPLY: ClassVar[type[Approver]] = Approver

    tenant_id: Id
    principal: Id
    actor: Id


class Approvers(Message):
    """The answer on `rpc.governance.approvers`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Approvers"

    approvers: tuple[Approver, ...] = Field(default=(), max_length=1000)


class ListApprovers(Message):
    """Asks on `rpc.governance.approvers`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListApprovers"
    SUBJECT: ClassVar[str] = "rpc.governance.approvers"
    REPLY: ClassVar[type[Approvers]] = Approvers

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    after: Text | None = Field(default=None, description="A principal: the page goes on behind it.")


class ApproverSeated(Message):
    """Somebody was given a seat among the approvers, or another group."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApproverSeated"
    SUBJECT: ClassVar[str] = "governance.approver.seated"

    tenant_id: Id
    principal: Id
    group: Id
    actor: Id
    seated_at: Timestamp


class ApproverRemoved(Message):
    """Somebody is an approver no more."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApproverRemoved"
    SUBJECT: ClassVar[str] = "governance.approver.removed"

    tenant_id: Id
    principal: Id
    actor: Id
    removed_at: Timestamp


class ApprovalDelegated(Message):
    """A person lets another decide in their place on one approval."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalDelegated"
    SUBJECT: ClassVar[str] = "approval.delegated"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    delegated_by: Id
    delegated_to: Id
    ends_at: Timestamp
    reason: Text


class ApprovalVoted(Message):
    """Somebody approved, and more are needed."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalVoted"
    SUBJECT: ClassVar[str] = "approval.voted"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    principal: Id
    seat: Id = Field(description="In whose place: their own, or that of who delegated.")
    choice: Text = Field(description="approve: one rejection decides.")
    approvals: UInt32 = Field(description="Of different groups, with this one.")
    quorum: UInt32
    version: UInt32 = Field(description="The approval's own, since this vote.")
    shown_hash: Text = Field(description="What they had before their eyes.")
    reason: Text | None = None
    voted_at: Timestamp


class ApprovalReminded(Message):
    """An approval still waits."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalReminded"
    SUBJECT: ClassVar[str] = "approval.reminded"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    reminders: UInt32 = Field(description="Counts from 1.")
    expires_at: Timestamp


class ApprovalEscalated(Message):
    """An approval still waits, and the next group of the chain is asked."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalEscalated"
    SUBJECT: ClassVar[str] = "approval.escalated"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    reminders: UInt32
    group: Id
    expires_at: Timestamp


class AutonomyMove(Message):
    """Part of `Autonomy`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.AutonomyMove"

    version: UInt32
    level: Id
    changed_by: Id
    reason: Text
    changed_at: Timestamp | None = None


class Autonomy(Message):
    """How much a playbook may do on its own against a class of targets, and why."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Autonomy"

    tenant_id: Id
    playbook: Id
    target_class: Id
    level: Id = Field(description="off, suggest, approve, auto")
    version: UInt32 = Field(description="For If-Match; rises with every move.")
    verified: UInt32 = Field(description="Since the last move.")
    failed: UInt32
    lower_bound: Double = Field(description="With 95 % at least this share of its effects holds.")
    explanation: Text
    changed_by: Id = Field(description="evidence, or a person")
    reason: Text
    changed_at: Timestamp | None = None
    moves: tuple[AutonomyMove, ...] = Field(
        default=(),
        max_length=1000,
        description="The last ones, newest first; where one playbook was asked for.",
    )


class Autonomies(Message):
    """The answer on `rpc.governance.autonomies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Autonomies"

    autonomies: tuple[Autonomy, ...] = Field(default=(), max_length=1000)


class ListAutonomy(Message):
    """Asks on `rpc.governance.autonomies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListAutonomy"
    SUBJECT: ClassVar[str] = "rpc.governance.autonomies"
    REPLY: ClassVar[type[Autonomies]] = Autonomies

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    after: Text | None = Field(
        default=None, description="playbook:target_class of the last one of the page before."
    )


class GetAutonomy(Message):
    """Asks on `rpc.governance.autonomy`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GetAutonomy"
    SUBJECT: ClassVar[str] = "rpc.governance.autonomy"
    REPLY: ClassVar[type[Autonomy]] = Autonomy

    tenant_id: Id
    playbook: Id
    target_class: Id


class SetAutonomy(Message):
    """A person moves a playbook.

    To auto only where it has earned it.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.SetAutonomy"
    SUBJECT: ClassVar[str] = "rpc.governance.set_autonomy"
    REPLY: ClassVar[type[Autonomy]] = Autonomy

    tenant_id: Id
    playbook: Id
    target_class: Id
    level: Id
    principal: Id
    reason: Text
    if_version: UInt32 | None = None


class AutonomyChanged(Message):
    """A playbook was moved, by evidence or by a person."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.AutonomyChanged"
    SUBJECT: ClassVar[str] = "governance.autonomy.changed"

    tenant_id: Id
    playbook: Id
    target_class: Id
    level: Id
    before: Id
    version: UInt32
    actor: Id
    reason: Text


class StandingApproval(Message):
    """A person's word that a playbook may change so many targets of a class without asking, until a moment."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.StandingApproval"

    standing_id: Id
    tenant_id: Id
    playbook: Id
    target_class: Id
    status: Id = Field(description="open, spent, expired, revoked")
    budget: UInt32 = Field(description="Changes in all.")
    used: UInt32
    given_by: Id
    reason: Text
    given_at: Timestamp
    expires_at: Timestamp
    revoked_at: Timestamp | None = None
    revoked_by: Text | None = None


class StandingApprovals(Message):
    """The answer on `rpc.governance.standing_approvals`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.StandingApprovals"

    standing_approvals: tuple[StandingApproval, ...] = Field(default=(), max_length=1000)


class ListStandingApprovals(Message):
    """Asks on `rpc.governance.standing_approvals`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListStandingApprovals"
    SUBJECT: ClassVar[str] = "rpc.governance.standing_approvals"
    REPLY: ClassVar[type[StandingApprovals]] = StandingApprovals

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    before: Text | None = None


class GiveStandingApproval(Message):
    """Asks on `rpc.governance.give_standing_approval`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GiveStandingApproval"
    SUBJECT: ClassVar[str] = "rpc.governance.give_standing_approval"
    REPLY: ClassVar[type[StandingApproval]] = StandingApproval

    tenant_id: Id
    playbook: Id
    target_class: Id
    budget: Annotated[UInt32, Field(ge=1)]
    lifetime_s: Annotated[UInt32, Field(ge=1)]
    principal: Id
    reason: Text


class RevokeStandingApproval(Message):
    """Asks on `rpc.governance.revoke_standing_approval`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.RevokeStandingApproval"
    SUBJECT: ClassVar[str] = "rpc.governance.revoke_standing_approval"
    REPLY: ClassVar[type[StandingApproval]] = StandingApproval

    tenant_id: Id
    standing_id: Id
    principal: Id
    reason: Text | None = None


class StandingApprovalChanged(Message):
    """A standing approval was given or taken back."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.StandingApprovalChanged"
    SUBJECT: ClassVar[str] = "governance.standing_approval.changed"

    standing_id: Id
    tenant_id: Id
    playbook: Id
    target_class: Id
    status: Id
    budget: UInt32
    actor: Id
    reason: Text
    expires_at: Timestamp


class BrakeMove(Message):
    """Part of `Brake`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.BrakeMove"

    version: UInt32
    is_on: Bool
    turned_by: Id
    reason: Text
    turned_at: Timestamp


class Brake(Message):
    """Whether automation of a tenant goes on, and what counts against it.

    On: nothing runs without people.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.Brake"

    tenant_id: Id
    is_on: Bool
    version: UInt32 = Field(description="Rises with every turn.")
    failures: UInt32 = Field(
        description="Effects within the window that did not hold, since it was let go."
    )
    pulled_after: UInt32 = Field(description="So many of them pull it.")
    window_s: UInt32
    changed_by: Id = Field(description="evidence, or a person")
    reason: Text
    changed_at: Timestamp | None = None
    turns: tuple[BrakeMove, ...] = Field(
        default=(), max_length=1000, description="The last ones, newest first."
    )


class GetBrake(Message):
    """Asks on `rpc.governance.brake`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GetBrake"
    SUBJECT: ClassVar[str] = "rpc.governance.brake"
    REPLY: ClassVar[type[Brake]] = Brake

    tenant_id: Id


class TurnBrake(Message):
    """A person pulls the brake of a tenant, or lets it go."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.TurnBrake"
    SUBJECT: ClassVar[str] = "rpc.governance.turn_brake"
    REPLY: ClassVar[type[Brake]] = Brake

    tenant_id: Id
    is_on: Bool
    principal: Id
    reason: Text


class BrakeTurned(Message):
    """Automation of a tenant stopped itself, or a person stopped it or let it go on."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.BrakeTurned"
    SUBJECT: ClassVar[str] = "governance.brake.turned"

    tenant_id: Id
    version: UInt32
    is_on: Bool
    actor: Id
    reason: Text


class Consent(Message):
    """Whether operations may use a named secret: who asked, who consented, and what became of it."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Consent"

    consent_id: Id
    tenant_id: Id
    secret: Id = Field(
        description="own: what a target's entry holds without a name, used at that very target."
    )
    operation: Text = Field(
        description="An operation, or kernel.* for all of a kernel; * for every one."
    )
    target: Text | None = None
    target_class: Text | None = Field(
        default=None, description="The kernel of such targets; where no target is named."
    )
    status: Id = Field(description="asked, open, used, expired, revoked, rejected")
    one_time: Bool = Field(description="For the one contract that uses it first.")
    asked_by: Id = Field(description="worker: a use was refused.")
    reason: Text
    asked_at: Timestamp
    expires_at: Timestamp | None = Field(
        default=None, description="Unset: it holds until it is revoked."
    )
    decided_by: Text | None = None
    decided_at: Timestamp | None = None
    note: Text | None = None
    used_by: Text | None = Field(
        default=None, description="The contract, or the task where there is none."
    )
    used_at: Timestamp | None = None
    revoked_by: Text | None = None
    revoked_at: Timestamp | None = None
    mission_id: Text | None = Field(
        default=None, description="Whose use was refused: no requester of it consents."
    )
    lifetime_s: UInt32 | None = Field(
        default=None, description="How long it is wanted for, counted from the consent."
    )


class Consents(Message):
    """The answer on `rpc.governance.consents`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Consents"

    consents: tuple[Consent, ...] = Field(default=(), max_length=1000)


class ListConsents(Message):
    """Asks on `rpc.governance.consents`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListConsents"
    SUBJECT: ClassVar[str] = "rpc.governance.consents"
    REPLY: ClassVar[type[Consents]] = Consents

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    before: Text | None = None
    status: Text | None = None


class AskConsent(Message):
    """A person asks that an operation may use a secret; nothing may before another person consents."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.AskConsent"
    SUBJECT: ClassVar[str] = "rpc.governance.ask_consent"
    REPLY: ClassVar[type[Consent]] = Consent

    tenant_id: Id
    secret: Id
    operation: Text
    target: Text | None = None
    target_class: Text | None = None
    one_time: Bool
    lifetime_s: Annotated[UInt32, Field(ge=1)]
    principal: Id
    reason: Text


class DecideConsent(Message):
    """A person consents or refuses.

    Never who asked, nor a requester of the mission it is for.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.DecideConsent"
    SUBJECT: ClassVar[str] = "rpc.governance.decide_consent"
    REPLY: ClassVar[type[Consent]] = Consent

    tenant_id: Id
    consent_id: Id
    choice: Id = Field(description="grant or reject")
    principal: Id
    reason: Text | None = None


class RevokeConsent(Message):
    """Asks on `rpc.governance.revoke_consent`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.RevokeConsent"
    SUBJECT: ClassVar[str] = "rpc.governance.revoke_consent"
    REPLY: ClassVar[type[Consent]] = Consent

    tenant_id: Id
    consent_id: Id
    principal: Id


class SignedConsents(Message):
    """What workers may use secrets by, every second and after each change.

    One that heard none uses none.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.SignedConsents"
    SUBJECT: ClassVar[str] = "governance.consents"

    key_id: Id
    body: Bytes = Field(description="The JSON of a ConsentList.")
    signature: Bytes = Field(
        description="Ed25519 over the pre-authentication encoding of body, kind grace/consents/v1."
    )


class UsedConsent(Message):
    """The answer on `rpc.governance.use_consent`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.UsedConsent"

    consents: SignedConsents


class UseConsent(Message):
    """A worker takes a one-time consent for one contract; the answer is the signed list in which it stands."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.UseConsent"
    SUBJECT: ClassVar[str] = "rpc.governance.use_consent"
    REPLY: ClassVar[type[UsedConsent]] = UsedConsent

    consent_id: Id
    used_by: Id


class ConsentChanged(Message):
    """A consent was asked for, given, refused, used or taken back."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ConsentChanged"
    SUBJECT: ClassVar[str] = "governance.consent.changed"

    consent_id: Id
    tenant_id: Id
    secret: Id
    operation: Text
    target: Text | None = None
    target_class: Text | None = None
    status: Id
    one_time: Bool
    actor: Id
    reason: Text
    expires_at: Timestamp | None = None
    mission_id: Text | None = None


class HeldConsent(Message):
    """One consent as workers see it."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.HeldConsent"

    consent_id: Id
    tenant_id: Text | None = Field(default=None, description="Unset: of every tenant.")
    secret: Id
    operation: Text
    target: Text | None = None
    target_class: Text | None = None
    one_time: Bool
    expires_at: Timestamp | None = None
    used_by: Text | None = None


class ConsentList(Message):
    """All consents that hold, and those that ended so lately that something done by them may have to be undone."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ConsentList"

    issued_at: Timestamp
    consents: tuple[HeldConsent, ...] = Field(default=(), max_length=1000)


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
    target_definition: Id | None = Field(
        default=None,
        description="What the target stands for, as approved; unset for plans that do not say it.",
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
    because: Text | None = Field(default=None, description="Which policies want people asked.")


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
    break_glass: Bool | None = Field(
        default=None, description="One person decided alone, in an emergency; a review is open."
    )
    because: Text | None = Field(
        default=None, description="Which policies let it run where nobody had to be asked."
    )


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
    seat: Text | None = Field(
        default=None, description="In whose place; unset where it is the voter's own."
    )


class Delegation(Message):
    """One person decides in another's place, on one approval, until a moment."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Delegation"

    delegated_by: Id
    delegated_to: Id
    delegated_at: Timestamp
    ends_at: Timestamp
    reason: Text


class Approval(Message):
    """The answer on `rpc.governance.approval`, `rpc.governance.decide`, `rpc.governance.delegate`, `rpc.governance.break_glass`."""

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
    joined_by: tuple[Text, ...] = Field(
        default=(),
        max_length=1000,
        description="Who submitted intents that follow the same mission, or reported its error, too: no more than the requester may they decide.",
    )
    delegations: tuple[Delegation, ...] = Field(default=(), max_length=1000)
    review_id: Text | None = Field(
        default=None, description="The glass was broken: this review is due."
    )
    reminders: UInt32 | None = None
    escalated_to: Text | None = Field(default=None, description="The group that was asked last.")
    note: Text | None = Field(
        default=None, description="In the answer to a choice that changed nothing: why."
    )


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
    mission_id: Text | None = None
    tier: UInt32 | None = None
    requested_by: Text | None = None


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


class Delegate(Message):
    """A person lets another decide in their place.

    Refused for a requester on either side, and for who holds no seat.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.Delegate"
    SUBJECT: ClassVar[str] = "rpc.governance.delegate"
    REPLY: ClassVar[type[Approval]] = Approval

    tenant_id: Id
    approval_id: Id
    principal: Id
    delegated_to: Id
    ends_at: Timestamp = Field(description="At the latest when the approval expires.")
    reason: Text


class BreakGlass(Message):
    """A person grants alone, in an emergency.

    It grants at once, is told to everybody, and opens a review.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.BreakGlass"
    SUBJECT: ClassVar[str] = "rpc.governance.break_glass"
    REPLY: ClassVar[type[Approval]] = Approval

    tenant_id: Id
    approval_id: Id
    principal: Id
    shown_hash: Id
    if_version: UInt32 | None = None
    reason: Text


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


class PolicyRule(Message):
    """One policy of a document."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.PolicyRule"

    rule_id: Text = Field(description="Its @id.")
    effect: Id = Field(description="permit or forbid")
    why: Text = Field(description="Its @why, for people.")


class PolicyDocument(Message):
    """A named text of Cedar policies, one version of it."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.PolicyDocument"

    name: Id
    version: UInt32 = Field(description="For If-Match; 0 is what came with Grace.")
    kind: Id = Field(description="policy, or constitution: forbids that no approval lifts")
    text: Annotated[LongText, Field(max_length=65536)]
    in_force: Bool
    rules: tuple[PolicyRule, ...] = Field(default=(), max_length=1000)
    made_by: Id
    reason: Text
    made_at: Timestamp | None = Field(default=None, description="Not set for what came with Grace.")


class PolicyDocuments(Message):
    """The answer on `rpc.governance.policies`, `rpc.governance.policy_versions`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.PolicyDocuments"

    documents: tuple[PolicyDocument, ...] = Field(default=(), max_length=1000)
    rulebook_hash: Id = Field(description="Of all that is in force; rulings carry it.")
    vocabulary: Annotated[LongText, Field(max_length=65536)] = Field(
        description="What a policy may speak of, as a Cedar schema."
    )


class ListPolicies(Message):
    """Asks on `rpc.governance.policies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListPolicies"
    SUBJECT: ClassVar[str] = "rpc.governance.policies"
    REPLY: ClassVar[type[PolicyDocuments]] = PolicyDocuments

    tenant_id: Id


class ListPolicyVersions(Message):
    """Asks on `rpc.governance.policy_versions`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListPolicyVersions"
    SUBJECT: ClassVar[str] = "rpc.governance.policy_versions"
    REPLY: ClassVar[type[PolicyDocuments]] = PolicyDocuments

    name: Id
    tenant_id: Id


class SetPolicy(Message):
    """A person puts a document of policies into force, or takes one back.

    Refused where the whole would not be valid.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.SetPolicy"
    SUBJECT: ClassVar[str] = "rpc.governance.set_policy"
    REPLY: ClassVar[type[PolicyDocument]] = PolicyDocument

    tenant_id: Id
    name: Id
    kind: Id = Field(description="policy or constitution")
    text: Annotated[LongText, Field(max_length=65536)] | None = Field(
        default=None, description="Not set: it is taken back."
    )
    principal: Id
    reason: Text
    if_version: UInt32 | None = Field(default=None, description="0: there must be none yet.")


class PolicyChanged(Message):
    """What governs plans was changed."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.PolicyChanged"
    SUBJECT: ClassVar[str] = "governance.policy.changed"

    tenant_id: Id
    name: Id
    version: UInt32
    kind: Id
    in_force: Bool
    content_hash: Id = Field(description="sha256 of the text; of nothing where it was taken back.")
    rulebook_hash: Id
    actor: Id
    reason: Text


class Ruling(Message):
    """What the policies made of a plan, and why."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Ruling"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    outcome: Id = Field(
        description="granted: nobody had to be asked. asked: people were. refused: it may not run."
    )
    tier: UInt32
    quorum: UInt32
    because: tuple[Text, ...] = Field(default=(), max_length=1000)
    rules: tuple[Text, ...] = Field(
        default=(), max_length=1000, description="The @id of each policy that decided."
    )
    rulebook_hash: Text = Field(description="Empty where the policies could not be read.")
    facts: tuple[Annotated[LongText, Field(max_length=65536)], ...] = Field(
        default=(), max_length=1000, description="The JSON of what was known of each action."
    )
    ruled_at: Timestamp


class Rulings(Message):
    """The answer on `rpc.governance.rulings`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Rulings"

    rulings: tuple[Ruling, ...] = Field(default=(), max_length=1000)


class ListRulings(Message):
    """Asks on `rpc.governance.rulings`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListRulings"
    SUBJECT: ClassVar[str] = "rpc.governance.rulings"
    REPLY: ClassVar[type[Rulings]] = Rulings

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    outcome: Text | None = None
    before: Text | None = Field(
        default=None, description="An approval id: the page goes on with older ones."
    )


class GetRuling(Message):
    """Asks on `rpc.governance.ruling`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GetRuling"
    SUBJECT: ClassVar[str] = "rpc.governance.ruling"
    REPLY: ClassVar[type[Ruling]] = Ruling

    tenant_id: Id
    approval_id: Id


class PolicyCase(Message):
    """Part of `TryPolicies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.PolicyCase"

    name: Text
    facts: Annotated[LongText, Field(max_length=65536)] = Field(
        description="JSON; what is not said is what risks most."
    )


class PolicyCandidate(Message):
    """Part of `TryPolicies`, `SimulatePolicies`, `ReplayRulings`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.PolicyCandidate"

    name: Id
    kind: Id
    text: Annotated[LongText, Field(max_length=65536)]


class TriedCase(Message):
    """Part of `TriedPolicies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.TriedCase"

    name: Text
    outcome: Id = Field(description="granted, asked, refused; invalid where the facts are none")
    tier: UInt32
    quorum: UInt32
    because: tuple[Text, ...] = Field(default=(), max_length=1000)
    rules: tuple[Text, ...] = Field(default=(), max_length=1000)


class TriedPolicies(Message):
    """The answer on `rpc.governance.try_policies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.TriedPolicies"

    problems: tuple[Text, ...] = Field(
        default=(),
        max_length=1000,
        description="Why the policies cannot come into force; nothing was tried then.",
    )
    cases: tuple[TriedCase, ...] = Field(default=(), max_length=1000)


class TryPolicies(Message):
    """Asks what policies would make of actions, without putting them into force."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.TryPolicies"
    SUBJECT: ClassVar[str] = "rpc.governance.try_policies"
    REPLY: ClassVar[type[TriedPolicies]] = TriedPolicies

    cases: tuple[PolicyCase, ...] = Field(default=(), max_length=500)
    candidate: PolicyCandidate | None = Field(
        default=None, description="In the place of the document of its name, or beside the others."
    )
    tenant_id: Id


class SimulatedMove(Message):
    """Part of `SimulatedPolicies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.SimulatedMove"

    approval_id: Id
    mission_id: Id
    ruled_at: Timestamp
    was: Id
    would_be: Id
    because: tuple[Text, ...] = Field(default=(), max_length=1000)


class SimulatedPolicies(Message):
    """The answer on `rpc.governance.simulate_policies`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.SimulatedPolicies"

    problems: tuple[Text, ...] = Field(default=(), max_length=1000)
    judged: UInt32
    moves: tuple[SimulatedMove, ...] = Field(
        default=(), max_length=1000, description="Only those that would end otherwise."
    )
    last_at: Timestamp | None = Field(default=None, description="Not set: there is no more.")
    last_id: Text | None = None


class SimulatePolicies(Message):
    """Judges a part of the recorded plans again, by other policies."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.SimulatePolicies"
    SUBJECT: ClassVar[str] = "rpc.governance.simulate_policies"
    REPLY: ClassVar[type[SimulatedPolicies]] = SimulatedPolicies

    tenant_id: Id
    candidate: PolicyCandidate | None = Field(
        default=None, description="Not set: what is in force now."
    )
    after_at: Timestamp
    after_id: Text = Field(
        description="The last approval of the part before; empty at the beginning."
    )
    until: Timestamp


class ReplayedRuling(Message):
    """What was made of a plan, beside what would be."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ReplayedRuling"

    approval_id: Id
    ruled_at: Timestamp
    tier: UInt32
    was: Id = Field(description="granted, asked:N by how many people, refused")
    was_because: tuple[Text, ...] = Field(default=(), max_length=1000)
    was_rules: tuple[Text, ...] = Field(default=(), max_length=1000)
    would_be: Id
    because: tuple[Text, ...] = Field(default=(), max_length=1000)
    rules: tuple[Text, ...] = Field(default=(), max_length=1000)
    differs: Bool
    facts: tuple[Annotated[LongText, Field(max_length=65536)], ...] = Field(
        default=(), max_length=1000, description="The JSON of what was known of each action."
    )


class ReplayedRulings(Message):
    """The answer on `rpc.governance.replay`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ReplayedRulings"

    mission_id: Id
    rulebook_hash: Id = Field(description="Of what they were judged by again.")
    rulings: tuple[ReplayedRuling, ...] = Field(
        default=(), max_length=20, description="Newest first."
    )


class ReplayRulings(Message):
    """Judges the recorded plans of one mission again, by other policies.

    Invalid where those cannot come into force.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.ReplayRulings"
    SUBJECT: ClassVar[str] = "rpc.governance.replay"
    REPLY: ClassVar[type[ReplayedRulings]] = ReplayedRulings

    tenant_id: Id
    mission_id: Id
    candidate: PolicyCandidate | None = Field(
        default=None, description="Not set: what is in force now."
    )


class ApprovalForbidden(Message):
    """People wanted to let a plan run, and the policies in force forbid it by now: nothing was granted."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ApprovalForbidden"
    SUBJECT: ClassVar[str] = "approval.forbidden"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    actor: Id = Field(description="Whose word would have been the last one needed.")
    break_glass: Bool
    reason: Text = Field(description="What forbids it.")
    rules: tuple[Text, ...] = Field(default=(), max_length=1000)
    rulebook_hash: Text = Field(description="Empty where the policies could not be read.")
    forbidden_at: Timestamp


class Review(Message):
    """What is due because one person granted alone.

    It stays open until somebody else completes it.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.Review"

    review_id: Id
    tenant_id: Id
    approval_id: Id
    mission_id: Id
    status: Id = Field(description="open or reviewed")
    broken_by: Id
    reason: Text
    broken_at: Timestamp
    reminders: UInt32
    reviewed_by: Text | None = None
    reviewed_at: Timestamp | None = None
    finding: Text | None = None
    note: Text | None = None


class Reviews(Message):
    """The answer on `rpc.governance.reviews`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.Reviews"

    reviews: tuple[Review, ...] = Field(default=(), max_length=1000)


class ListReviews(Message):
    """Asks on `rpc.governance.reviews`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ListReviews"
    SUBJECT: ClassVar[str] = "rpc.governance.reviews"
    REPLY: ClassVar[type[Reviews]] = Reviews

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    status: Text | None = Field(default=None, description="open or reviewed")
    before: Text | None = Field(
        default=None, description="A review id: the page goes on with older ones."
    )


class GetReview(Message):
    """Asks on `rpc.governance.review`."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GetReview"
    SUBJECT: ClassVar[str] = "rpc.governance.review"
    REPLY: ClassVar[type[Review]] = Review

    tenant_id: Id
    review_id: Id


class CompleteReview(Message):
    """Somebody else says whether the glass was rightly broken."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.CompleteReview"
    SUBJECT: ClassVar[str] = "rpc.governance.complete_review"
    REPLY: ClassVar[type[Review]] = Review

    tenant_id: Id
    review_id: Id
    principal: Id = Field(description="Neither who broke it nor who asked for the plan.")
    finding: Id = Field(description="justified or unjustified")
    note: Text


class GlassBroken(Message):
    """One person granted alone, in an emergency: what was shown runs now."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.GlassBroken"
    SUBJECT: ClassVar[str] = "approval.glass_broken"

    approval_id: Id
    mission_id: Id
    tenant_id: Id
    review_id: Id
    tier: UInt32
    actor: Id
    reason: Text
    shown_hash: Id
    broken_at: Timestamp


class ReviewDue(Message):
    """A review still waits for a second person."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ReviewDue"
    SUBJECT: ClassVar[str] = "approval.review_due"

    review_id: Id
    approval_id: Id
    mission_id: Id
    tenant_id: Id
    actor: Id = Field(description="Who broke the glass.")
    reminders: UInt32 = Field(description="Counts from 1.")


class ReviewCompleted(Message):
    """Somebody else has looked at it."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.ReviewCompleted"
    SUBJECT: ClassVar[str] = "approval.review_completed"

    review_id: Id
    approval_id: Id
    mission_id: Id
    tenant_id: Id
    actor: Id
    finding: Id
    reason: Text
    reviewed_at: Timestamp


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


class VouchedPermit(Message):
    """How the kill switch stands, signed by governance."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.VouchedPermit"

    key_id: Id
    body: Bytes = Field(description="The JSON of a PermitWord.")
    signature: Bytes = Field(
        description="Ed25519 over the pre-authentication encoding of body, kind grace/permit/v1."
    )


class VouchPermit(Message):
    """A worker asks governance itself how the kill switch stands: a beacon counts only where this was answered before."""

    SCHEMA: ClassVar[str] = "grace.governance.v1.VouchPermit"
    SUBJECT: ClassVar[str] = "rpc.governance.vouch"
    REPLY: ClassVar[type[VouchedPermit]] = VouchedPermit

    nonce: Id = Field(description="Of this one question.")


class PermitWord(Message):
    """What governance says to one question.

    Travels as bytes inside VouchedPermit; the signature is over exactly these bytes.
    """

    SCHEMA: ClassVar[str] = "grace.governance.v1.PermitWord"

    nonce: Id
    version: UInt32
    allowed: Bool
    reverts_allowed: Bool
    issued_at: Timestamp = Field(description="By the clock that dates beacons.")
