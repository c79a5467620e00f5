"""What each guard is for: without it this property must break, or the model proves nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sabotage:
    """Guards that are switched off together, and the property that this breaks."""

    model: str
    says: str
    off: tuple[str, ...]
    breaks: str


@dataclass(frozen=True)
class Spare:
    """Guards that the others make up for: the property holds without them. Long: ten million states."""

    model: str
    says: str
    off: tuple[str, ...]
    keeps: str
    is_long: bool = False


SABOTAGES = (
    Sabotage("htm", "the report fence is off", ("REPORT_FENCE",), "fenced"),
    Sabotage("htm", "reports end what nobody holds", ("REPORT_GUARD",), "doors"),
    Sabotage(
        "htm", "reports know neither fence nor guard", ("REPORT_FENCE", "REPORT_GUARD"), "alone"
    ),
    Sabotage("htm", "anybody may report", ("OWNER_CHECK",), "true_success"),
    Sabotage("htm", "a claim takes what is not queued", ("CLAIM_GUARD",), "fenced"),
    Sabotage("htm", "a lapse has no fence", ("LAPSE_FENCE", "ROW_LOCKS"), "fenced"),
    Sabotage("htm", "a promotion asks for no state", ("PROMOTE_GUARD", "ROW_LOCKS"), "doors"),
    Sabotage("htm", "an expiry asks for no state", ("EXPIRE_GUARD", "ROW_LOCKS"), "doors"),
    Sabotage("htm", "a cancel asks for no state", ("CANCEL_GUARD", "ROW_LOCKS"), "doors"),
    Sabotage("htm", "a held task is cancelled at once", ("CANCEL_WAITS",), "cancel_waits"),
    Sabotage("htm", "what is judged is not locked", ("ROW_LOCKS",), "cancel_holds"),
    Sabotage("htm", "final rows may move", ("TRIGGERS", "REPORT_GUARD"), "once"),
    Sabotage("htm", "attempts are not counted", ("ATTEMPTS_COUNTED",), "counted"),
    Sabotage("htm", "a complete receipt is acted on", ("RECEIPT_FENCE",), "not_again"),
    Sabotage("htm", "the target takes any attempt", ("TARGET_FENCE",), "not_stale"),
    Sabotage("htm", "a key may be stored twice", ("KEY_IS_UNIQUE",), "one_task"),
    Sabotage("htm", "answered before the commit", ("COMMIT_FIRST",), "kept"),
    Sabotage("htm", "workers wait for hints alone", ("WORKERS_POLL",), "ends_or_rests"),
    Sabotage("htm", "nobody rescues lapsed leases", ("RESCUE_RUNS",), "ends_or_rests"),
    Sabotage("htm", "nobody promotes retries", ("PROMOTE_RUNS",), "ends_or_rests"),
    Sabotage("family", "what is named may end meanwhile", ("LINK_LOCKS",), "ends_or_rests"),
    Sabotage("family", "nobody asks what is unmet", ("READY_CHECK",), "not_early"),
    Sabotage("family", "a parent ends at once", ("CHILDREN_FIRST",), "children_last"),
    Sabotage("family", "a bad child counts for nothing", ("CHILD_COUNTS",), "true_success"),
    Sabotage("family", "ends are not noted", ("ENDS_NOTED",), "ends_or_rests"),
    Sabotage("family", "nobody follows ends", ("FOLLOW_RUNS",), "ends_or_rests"),
    Sabotage("family", "followers may move meanwhile", ("FOLLOW_LOCKS",), "children_last"),
    Sabotage("family", "a step asks for no state", ("FOLLOW_GUARD", "FOLLOW_LOCKS"), "doors"),
    Sabotage("family", "an ended parent takes children", ("CLOSED_PARENT",), "children_last"),
    Sabotage("family", "a cancel does not walk down", ("CANCEL_WALKS",), "ends_or_rests"),
    Sabotage("report", "claims take no turns", ("TURNS",), "limit"),
    Sabotage("report", "the turn comes after the tasks", ("LINE_FIRST",), "not_crossed"),
    Sabotage("report", "an end and what follows it are two commits", ("ONE_COMMIT",), "limit"),
    Sabotage("report", "answered before the commit", ("COMMIT_FIRST",), "told"),
    Sabotage("report", "what gets no answer is forgotten", ("SENT_AGAIN",), "told"),
    Sabotage("report", "a repetition ends the next attempt", ("REPORT_FENCE",), "fenced"),
    Sabotage("report", "a repetition ends a task again", ("REPORT_GUARD",), "once"),
    Sabotage("report", "anybody may report", ("OWNER_CHECK",), "true_success"),
    Sabotage("report", "forgers are handed tasks", ("NONE_FOR_FORGERS",), "no_reward"),
    Sabotage("report", "nobody rescues what a lost answer held", ("RESCUE_RUNS",), "ends"),
    Sabotage("outbox", "told before the commit", ("AFTER_COMMIT",), "no_phantom"),
    Sabotage("outbox", "a cursor in place of unsent rows", ("UNSENT_ROWS",), "all_told"),
    Sabotage("outbox", "marked before the stream has it", ("MARK_AFTER",), "all_told"),
    Sabotage("outbox", "nobody looks at the streams", ("WATCH_STREAMS",), "all_told"),
    Sabotage("outbox", "a relay that ended stays so", ("RELAY_STARTS",), "all_told"),
    Sabotage(
        "approval",
        "ballots know nothing of each other",
        ("ROW_LOCK", "VERSION_GUARD"),
        "no_vote_lost",
    ),
    Sabotage("approval", "who asks may approve", ("NOT_REQUESTER",), "quorum"),
    Sabotage("approval", "people count, not groups", ("GROUPS_COUNT",), "quorum"),
    Sabotage("approval", "the loop alone ends it", ("EXPIRY_CHECK",), "in_time"),
    Sabotage(
        "approval", "an expiry asks for no state", ("EXPIRE_GUARD", "DECIDED_ONCE"), "decided"
    ),
    Sabotage(
        "approval",
        "decided rows may move",
        ("ROW_LOCK", "VERSION_GUARD", "DECIDED_ONCE"),
        "granted_once",
    ),
    Sabotage("approval", "nobody lets approvals expire", ("EXPIRE_RUNS",), "ends"),
    Sabotage("approval", "who grants asks no policy", ("ASK_AGAIN",), "not_lifted"),
    Sabotage("approval", "policies change in between", ("POLICY_HOLD",), "not_lifted"),
    Sabotage("act", "nobody asks for a capability", ("CAPABILITY",), "approved"),
    Sabotage("act", "a complete receipt is acted on", ("RECEIPT_ONCE",), "one_effect"),
    Sabotage("act", "what a beacon says counts for nothing", ("PERMIT_ASKED",), "stops"),
    Sabotage("act", "silence forbids nothing", ("PERMIT_FRESH",), "stops"),
    Sabotage("act", "nobody looks right before the effect", ("LAST_LOOK",), "stops"),
    Sabotage("act", "recorded beacons count", ("BEACON_OF_NOW",), "stops"),
    Sabotage("act", "a first beacon needs no answer", ("ANSWERED_FIRST",), "stops"),
    Sabotage("leadership", "a lock outlives its session", ("LOCK_DIES",), "led"),
    Sabotage("leadership", "a lead is kept over a lost session", ("FORGETS",), "no_impostor"),
    Sabotage("leadership", "nobody asks whether the session is there", ("PROBES",), "no_impostor"),
    Sabotage("leadership", "who does not lead never tries again", ("TRIES_AGAIN",), "led"),
    Sabotage("leadership", "writes ask for no state", ("ROW_GUARD",), "once"),
    Sabotage("rotation", "two rotate at once", ("COMPONENT_LOCK", "ONE_ACTIVE"), "one_active"),
    Sabotage("rotation", "the old key stays active", ("RETIRES", "ONE_ACTIVE"), "one_active"),
    Sabotage("rotation", "a key is handed out before it is stored", ("COMMIT_FIRST",), "verified"),
    Sabotage("rotation", "retired keys count for nothing", ("RETIRED_HOLDS",), "verified"),
    Sabotage("rotation", "the registry is read once", ("LEARNS",), "verified"),
    Sabotage("rotation", "any master key closes new ones", ("MASTER_TRIED",), "readable"),
)

SPARES = (
    Spare("htm", "the triggers alone stop a second end", ("REPORT_GUARD",), "once"),
    Spare("htm", "guards and fences alone suffice", ("ROW_LOCKS",), "alone", is_long=True),
    Spare("approval", "the trigger alone keeps what is decided", ("EXPIRE_GUARD",), "decided"),
    Spare("leadership", "the rows alone keep two leaders harmless", ("FORGETS", "PROBES"), "once"),
    Spare("rotation", "the index alone stops a second key", ("COMPONENT_LOCK",), "one_active"),
    Spare("rotation", "the lock alone stops a second key", ("ONE_ACTIVE",), "one_active"),
)
