"""What intent takes in and what it answers: one file per matter."""

from functools import partial

from grace.contracts.cloudevents import translate_error, translate_intent
from grace.contracts.intent import (
    CheckPlaybook,
    DeclareFreeze,
    EndFreeze,
    ErrorDetected,
    ExplainMission,
    GetIntent,
    ImportPlaybook,
    IntentSubmit,
    ListFreezes,
    ListHolds,
    ListIntents,
    PreviewIntent,
    RecallMission,
    ReleaseHold,
    ReplayMission,
    RunShadow,
    SubmitIntent,
    TestPlaybook,
)
from grace.contracts.verification import MissionClosed, MissionReopened
from grace.intent.handlers.capture import on_error_detected
from grace.intent.handlers.explain import on_explain_mission
from grace.intent.handlers.freezes import on_declare_freeze, on_end_freeze, on_list_freezes
from grace.intent.handlers.holds import on_list_holds, on_release_hold
from grace.intent.handlers.missions import (
    close_missions,
    on_mission_closed,
    on_recall_mission,
)
from grace.intent.handlers.playbooks import (
    on_check_playbook,
    on_import_playbook,
    on_test_playbook,
)
from grace.intent.handlers.queries import on_get_intent, on_list_intents
from grace.intent.handlers.reopenings import on_mission_reopened
from grace.intent.handlers.submit import on_intent_submit, on_submit_intent
from grace.intent.handlers.trials import on_preview_intent, on_replay_mission, on_run_shadow
from grace.intent.planner import Rules, Workers
from grace.intent.settings import Settings
from grace.kit import Rpc, Stream

__all__ = ["close_missions", "on_error_detected", "rpc", "stream"]


def stream(settings: Settings, *, planner: type) -> Stream:
    """Return what is read from streams; `planner` is the loop that a captured error wakes."""
    # Counting is not idempotent by itself: the inbox makes it so. An intent has its own id.
    return (
        Stream()
        .on(
            ErrorDetected,
            partial(on_error_detected, settings, planner, Rules()),
            inbox=True,
            translate=translate_error,
        )
        .on(
            IntentSubmit,
            partial(on_intent_submit, settings, planner),
            translate=translate_intent,
        )
        .on(MissionClosed, partial(on_mission_closed, settings, planner))
        .on(MissionReopened, on_mission_reopened)
    )


def rpc(settings: Settings, *, planner: type) -> Rpc:
    """Return what is answered. Submissions that wait are one commit."""
    workers = Workers(timeout=settings.validate_timeout, kept=settings.answers_kept)
    return (
        Rpc()
        .on_many(SubmitIntent, partial(on_submit_intent, settings, planner))
        .on(RecallMission, on_recall_mission)
        .on(ReleaseHold, partial(on_release_hold, planner))
        .on(DeclareFreeze, on_declare_freeze)
        .on(EndFreeze, partial(on_end_freeze, planner))
        .direct(ListFreezes, on_list_freezes)
        .direct(CheckPlaybook, partial(on_check_playbook, workers))
        .direct(ImportPlaybook, partial(on_import_playbook, planner, workers))
        .direct(TestPlaybook, on_test_playbook)
        .direct(PreviewIntent, partial(on_preview_intent, workers))
        .direct(ReplayMission, partial(on_replay_mission, workers))
        .direct(RunShadow, partial(on_run_shadow, workers))
        .direct(ExplainMission, on_explain_mission)
        .direct(ListHolds, on_list_holds)
        .direct(GetIntent, on_get_intent)
        .direct(ListIntents, on_list_intents)
    )
