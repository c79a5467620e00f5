"""What governance hears on the stream, and what it answers."""

from dataclasses import dataclass
from functools import partial

from grace.contracts.governance import (
    AskConsent,
    BreakGlass,
    CompleteReview,
    Decide,
    DecideConsent,
    Delegate,
    GetApproval,
    GetAutonomy,
    GetBrake,
    GetKillSwitch,
    GetReview,
    GetRuling,
    GiveStandingApproval,
    ListApprovals,
    ListApprovers,
    ListAutonomy,
    ListConsents,
    ListPolicies,
    ListPolicyVersions,
    ListReviews,
    ListRulings,
    ListStandingApprovals,
    RecallDecision,
    RemoveApprover,
    ReplayRulings,
    RevokeConsent,
    RevokeStandingApproval,
    SeatApprover,
    SetAutonomy,
    SetPolicy,
    SimulatePolicies,
    TryPolicies,
    TurnBrake,
    TurnKillSwitch,
    UseConsent,
    VouchPermit,
)
from grace.contracts.intent import IntentAccepted, ReporterJoined
from grace.contracts.verification import ActionClosed, AttentionNeeded, ContractDrafted
from grace.contracts.worker import SecretRefused
from grace.governance.handlers.approvers import (
    on_list_approvers,
    on_remove_approver,
    on_seat_approver,
)
from grace.governance.handlers.autonomy import (
    on_get_autonomy,
    on_list_autonomy,
    on_set_autonomy,
)
from grace.governance.handlers.ballots import on_decide
from grace.governance.handlers.brakes import on_get_brake, on_turn_brake
from grace.governance.handlers.consents import (
    on_ask_consent,
    on_decide_consent,
    on_list_consents,
    on_revoke_consent,
    on_secret_refused,
    on_use_consent,
)
from grace.governance.handlers.constitution import granting
from grace.governance.handlers.delegations import on_delegate
from grace.governance.handlers.drafts import on_contract_drafted
from grace.governance.handlers.glass import on_break_glass
from grace.governance.handlers.outcomes import on_action_closed, on_attention_needed
from grace.governance.handlers.policies import (
    on_list_policies,
    on_list_policy_versions,
    on_set_policy,
)
from grace.governance.handlers.replays import on_replay_rulings
from grace.governance.handlers.requesters import on_intent_accepted, on_reporter_joined
from grace.governance.handlers.reviews import on_complete_review, on_get_review, on_list_reviews
from grace.governance.handlers.rulebooks import Rulebooks
from grace.governance.handlers.ruled import on_get_ruling, on_list_rulings
from grace.governance.handlers.rulings import Judge
from grace.governance.handlers.standings import (
    on_give_standing_approval,
    on_list_standing_approvals,
    on_revoke_standing_approval,
)
from grace.governance.handlers.switch import on_get_kill_switch, on_turn_kill_switch
from grace.governance.handlers.trials import on_simulate_policies, on_try_policies
from grace.governance.handlers.views import on_get_approval, on_list_approvals, on_recall_decision
from grace.governance.handlers.vouching import on_vouch_permit
from grace.governance.settings import Settings
from grace.kit import Rpc, Stream

__all__ = ["Rulebooks", "Tellers", "rpc", "stream"]


@dataclass(frozen=True, slots=True)
class Tellers:
    """The loops that workers hear: of the kill switch, and of consents."""

    switch: type
    consents: type


def stream(settings: Settings, rulebooks: Rulebooks) -> Stream:
    """Batches from JetStream."""
    judge = Judge(settings, rulebooks)
    return (
        Stream()
        .on(ContractDrafted, partial(on_contract_drafted, settings, judge))
        .on(IntentAccepted, on_intent_accepted)
        .on(ReporterJoined, on_reporter_joined)
        .on(ActionClosed, partial(on_action_closed, settings))
        .on(AttentionNeeded, partial(on_attention_needed, settings))
        .on(SecretRefused, partial(on_secret_refused, settings))
    )


def rpc(settings: Settings, rulebooks: Rulebooks, tellers: Tellers) -> Rpc:
    """Requests that governance answers; what workers must hear of at once wakes who tells it."""
    judge = Judge(settings, rulebooks)
    return (
        Rpc()
        .direct(Decide, partial(granting, partial(on_decide, settings, judge)))
        .direct(ListApprovals, on_list_approvals)
        .on(GetApproval, on_get_approval)
        .on(RecallDecision, on_recall_decision)
        .on(TurnKillSwitch, partial(on_turn_kill_switch, tellers.switch))
        .on(GetKillSwitch, on_get_kill_switch)
        .on(TurnBrake, partial(on_turn_brake, settings))
        .on(GetBrake, partial(on_get_brake, settings))
        .direct(VouchPermit, on_vouch_permit)
        .on(Delegate, on_delegate)
        .direct(BreakGlass, partial(granting, partial(on_break_glass, settings, judge)))
        .on(SeatApprover, on_seat_approver)
        .on(RemoveApprover, on_remove_approver)
        .on(ListApprovers, on_list_approvers)
        .on(ListReviews, on_list_reviews)
        .on(GetReview, on_get_review)
        .on(CompleteReview, on_complete_review)
        .on(ListPolicies, partial(on_list_policies, rulebooks))
        .on(ListPolicyVersions, partial(on_list_policy_versions, rulebooks))
        .on(SetPolicy, partial(on_set_policy, rulebooks))
        .on(TryPolicies, partial(on_try_policies, settings, rulebooks))
        .on(SimulatePolicies, partial(on_simulate_policies, rulebooks))
        .on(ReplayRulings, partial(on_replay_rulings, rulebooks))
        .on(ListRulings, on_list_rulings)
        .on(GetRuling, on_get_ruling)
        .on(ListAutonomy, partial(on_list_autonomy, settings))
        .on(GetAutonomy, partial(on_get_autonomy, settings))
        .on(SetAutonomy, partial(on_set_autonomy, settings))
        .on(GiveStandingApproval, partial(on_give_standing_approval, settings))
        .on(RevokeStandingApproval, on_revoke_standing_approval)
        .on(ListStandingApprovals, on_list_standing_approvals)
        .on(AskConsent, partial(on_ask_consent, settings))
        .on(DecideConsent, partial(on_decide_consent, settings, tellers.consents))
        .on(RevokeConsent, partial(on_revoke_consent, tellers.consents))
        .on(ListConsents, on_list_consents)
        .on(UseConsent, partial(on_use_consent, settings, tellers.consents))
    )
