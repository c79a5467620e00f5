"""What verification hears and what it answers."""

from functools import partial

from grace.contracts.governance import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRejected,
    ApprovalRequested,
    KillSwitchTurned,
)
from grace.contracts.htm import TasksFinished
from grace.contracts.intent import ActionPlanned, ErrorCaptured, PlanningBlocked
from grace.contracts.verification import (
    DecideAttention,
    GetBaseline,
    GetBenchmarkRun,
    GetContract,
    GetMission,
    GetTimeline,
    ListMissions,
    ListTargetHolds,
    RunBenchmarks,
    TakeBaseline,
    ValidateMeasurement,
)
from grace.contracts.worker import SecretRefused
from grace.kit import Rpc, Stream
from grace.verification.handlers import (
    attention,
    baselines,
    benchmarks,
    blocked,
    contracts,
    decisions,
    measurements,
    plans,
    queries,
    stops,
    tasks,
)
from grace.verification.handlers.measurements import Check
from grace.verification.handlers.recalled import retell_decision, retell_mission
from grace.verification.handlers.tasks import Wakes
from grace.verification.settings import Settings

__all__ = ["Wakes", "retell_decision", "retell_mission", "rpc", "stream"]


def stream(settings: Settings, wakes: Wakes) -> Stream:
    """Return what is read from streams; `wakes` are the loops that events wake."""
    return (
        Stream()
        .on(ErrorCaptured, partial(plans.on_error_captured, settings))
        .on(ActionPlanned, partial(plans.on_action_planned, settings))
        .on(PlanningBlocked, partial(blocked.on_planning_blocked, settings))
        .on(ApprovalRequested, decisions.on_approval_requested)
        .on(ApprovalGranted, partial(decisions.on_approval_granted, wakes))
        .on(ApprovalRejected, decisions.on_approval_rejected)
        .on(ApprovalExpired, decisions.on_approval_expired)
        .on(KillSwitchTurned, stops.on_kill_switch_turned)
        .on(SecretRefused, stops.on_secret_refused)
        .on(TasksFinished, partial(tasks.on_tasks_finished, wakes))
    )


def rpc(settings: Settings, wakes: Wakes, check: Check) -> Rpc:
    """Return what is answered; `check` knows which sources may be asked for what."""
    return (
        Rpc()
        .direct(ListMissions, queries.on_list_missions)
        .direct(GetMission, queries.on_get_mission)
        .direct(ListTargetHolds, partial(queries.on_list_target_holds, settings))
        .direct(GetTimeline, queries.on_get_timeline)
        .direct(GetBaseline, queries.on_get_baseline)
        .direct(GetContract, contracts.on_get_contract)
        .direct(GetBenchmarkRun, benchmarks.on_get_run)
        .on(RunBenchmarks, partial(benchmarks.on_run_benchmarks, settings, wakes))
        .direct(ValidateMeasurement, partial(measurements.on_validate, settings, check))
        .on(TakeBaseline, partial(baselines.on_take_baseline, settings, wakes, check))
        .on(DecideAttention, partial(attention.on_decide_attention, wakes))
    )
