"""What governance hears on the stream, and what it answers."""

from functools import partial

from grace.contracts.governance import (
    Decide,
    GetApproval,
    GetKillSwitch,
    ListApprovals,
    RecallDecision,
    TurnKillSwitch,
)
from grace.contracts.verification import ContractDrafted
from grace.governance.handlers.ballots import on_decide
from grace.governance.handlers.drafts import on_contract_drafted
from grace.governance.handlers.switch import on_get_kill_switch, on_turn_kill_switch
from grace.governance.handlers.views import on_get_approval, on_list_approvals, on_recall_decision
from grace.governance.settings import Settings
from grace.kit import Rpc, Stream


def stream(settings: Settings) -> Stream:
    """Batches from JetStream."""
    return Stream().on(ContractDrafted, partial(on_contract_drafted, settings))


def rpc(settings: Settings, beacon: type) -> Rpc:
    """Requests that governance answers; `beacon` is the loop that tells of the kill switch."""
    return (
        Rpc()
        .on(Decide, partial(on_decide, settings))
        .on(ListApprovals, on_list_approvals)
        .on(GetApproval, on_get_approval)
        .on(RecallDecision, on_recall_decision)
        .on(TurnKillSwitch, partial(on_turn_kill_switch, beacon))
        .on(GetKillSwitch, on_get_kill_switch)
    )
