/* One task of htm, from its submission to its end. What is free here is free to go wrong:
   - the lease of a held task lapses at any moment (a beat only moves that moment);
   - a worker dies or sleeps between any two steps, and wakes up later;
   - of every attempt that was claimed any report comes at any time, any number of times, in any order, or
     never; only a completion needs an effect that is complete. A wipe of NATS is that no report in flight
     comes, and that the hint is lost;
   - a handler reads in one step and writes in another, unless it locks the row; a statement is one step.
   Every guard can be switched off: sabotages.py says which property must fail then. */
#include "guards.h"
#define KEY_IS_UNIQUE    ON(0)   /* htm_task_keys: one task per client key */
#define COMMIT_FIRST     ON(1)   /* the answer to a submission comes after the commit */
#define CLAIM_GUARD      ON(2)   /* assign_tasks: status = 'queued' */
#define REPORT_FENCE     ON(3)   /* standing_of and close_attempts: the attempt number is the newest */
#define REPORT_GUARD     ON(4)   /* standing_of, start_ and close_attempts: the task is held */
#define OWNER_CHECK      ON(5)   /* standing_of: who reports is who claimed */
#define LAPSE_FENCE      ON(6)   /* close_attempts: the attempt that lapsed is still the newest */
#define PROMOTE_GUARD    ON(7)   /* promote_tasks: status IN ('retrying', 'scheduled') */
#define EXPIRE_GUARD     ON(8)   /* expire_tasks: status IN ('queued', 'retrying') */
#define CANCEL_GUARD     ON(9)   /* a cancel ends only what nobody holds */
#define CANCEL_WAITS     ON(10)  /* a held task is asked to end, its worker is waited for */
#define ROW_LOCKS        ON(11)  /* FOR NO KEY UPDATE: what is judged stays true until the write */
#define TRIGGERS         ON(12)  /* final_rows_rest and only_through_doors */
#define ATTEMPTS_COUNTED ON(13)  /* on_failure, on_lapse: the last attempt is followed by none */
#define RECEIPT_FENCE    ON(14)  /* effect_receipts: a complete one is not acted on again */
#define TARGET_FENCE     ON(15)  /* the target refuses an attempt below the highest it saw */
#define WORKERS_POLL     ON(16)  /* hints only wake: workers ask without them, too */
#define RESCUE_RUNS      ON(17)
#define PROMOTE_RUNS     ON(18)

#define absent           0
#define queued           1
#define assigned         2
#define running          3
#define retrying         4
#define needs_attention  5
#define succeeded        6
#define failed           7
#define cancelled        8
#define expired          9
#define dead_letter      10
#define scheduled        11
c_decl {
static const char *STATES[] = { "absent", "queued", "assigned", "running", "retrying", "needs_attention",
    "succeeded", "failed", "cancelled", "expired", "dead_letter", "scheduled" };
};

#define HELD    (st == assigned || st == running)
#define TIMED   (st == retrying || st == scheduled)
#define WAITS   (st == queued || st == retrying)
#define FINAL   (st >= succeeded && st <= dead_letter)
#define RESTS   (FINAL || st == needs_attention)
#define DOOR(from, into) (st == from && goal == into)
/* domain/lifecycle.py, one line per door; test_model.py compares. */
#define LISTED ( \
    DOOR(scheduled, queued) || DOOR(scheduled, cancelled) || \
    DOOR(queued, assigned) || DOOR(queued, expired) || DOOR(queued, cancelled) || \
    DOOR(assigned, running) || \
    DOOR(assigned, succeeded) || DOOR(assigned, failed) || DOOR(assigned, retrying) || \
    DOOR(assigned, dead_letter) || DOOR(assigned, cancelled) || DOOR(assigned, needs_attention) || \
    DOOR(running, succeeded) || DOOR(running, failed) || DOOR(running, retrying) || \
    DOOR(running, dead_letter) || DOOR(running, cancelled) || DOOR(running, needs_attention) || \
    DOOR(retrying, queued) || DOOR(retrying, expired) || DOOR(retrying, cancelled) || \
    DOOR(needs_attention, queued) || DOOR(needs_attention, cancelled) )

#define MAX_ATTEMPTS 2
#define STARTED   1
#define COMPLETED 2
#define FAILED    3              /* transient: another try may help */
#define FATAL     4              /* another try would end alike */
#define UNSURE    5              /* nobody can tell whether it happened */
#define FORGED    6              /* a completion in the name of another worker */

/* Postgres */
byte st = absent, attempt = 0, tasks = 0;
bool wanted;                     /* somebody asked a held task to end */
/* The target and its receipt */
byte target = 0, taken = 0;
bool done;
/* NATS */
bool hint;
/* What somebody was told, and what must never be */
bool answered, fired, robbed, stale, again, overtaken;
byte ends = 0, releases = 0;
/* Of one step only */
byte goal = 0;
bool moved;

inline move(into) {
    goal = into;
    if
    :: LISTED || (st == goal && !FINAL) -> moved = true
    :: else -> fired = true; moved = !TRIGGERS
    fi;
    if
    :: moved -> TOOK(now.st, now.goal); st = goal; if :: FINAL && ends < 2 -> ends++ :: else fi
    :: else
    fi;
    goal = 0
}

inline put(into) { move(into); moved = false }

inline tell_hint() { if :: hint = true :: true fi }

inline fail_attempt() {
    if
    :: cancel -> put(cancelled)
    :: !cancel && may_retry -> put(retrying)
    :: !cancel && !may_retry -> put(dead_letter)
    fi
}

/* Verification or a person submits; the same submission comes again. */
active proctype client() {
    if
    :: !COMMIT_FIRST -> answered = true; if :: goto dead :: true fi
    :: else
    fi;
    atomic { if :: st = queued; tell_hint() :: st = scheduled fi; tasks = 1; answered = true };
    if
    :: !KEY_IS_UNIQUE -> tasks = 2
    :: else
    fi;
dead: skip
}

active [2] proctype worker() {
    byte n = 0;                                          /* the attempt it was given */
end:
    do
    :: atomic { st == queued && (hint || WORKERS_POLL) -> hint = false };        /* queue_heads */
       atomic {                                                                  /* assign_tasks */
           if
           :: (st == queued || !CLAIM_GUARD) && attempt < 4 ->
              robbed = robbed || HELD;
              move(assigned);
              if
              :: moved -> attempt++; moved = false; if :: n = attempt :: true fi /* or the answer is lost */
              :: else
              fi
           :: else
           fi
       };
       if
       :: n == 0 -> goto idle
       :: atomic { n > 0 && done && RECEIPT_FENCE -> goto idle }     /* it answers again, and touches nothing */
       :: atomic { n > 0 && !(done && RECEIPT_FENCE) && n >= taken -> taken = n }    /* take_over_receipt */
       :: n > 0                                                      -> goto idle    /* it dies, or was late */
       fi;
       if
       :: goto idle
       :: atomic {                                                               /* apply */
              n >= target || !TARGET_FENCE ->
              stale = stale || n < target; again = again || done; target = n
          }
       fi;
       if
       :: goto idle
       :: atomic { taken == n -> done = true }                                   /* complete_receipt */
       fi;
idle:  n = 0
    od
}

active proctype reports() {
    byte a = 0, kind = 0;
    bool may_retry, cancel;
end:
    do
    :: atomic { st != absent && attempt > 0 ->
           if :: a = attempt :: attempt > 1 -> a = 1 :: attempt > 2 -> a = 2 fi;
           if
           :: kind = STARTED
           :: done -> kind = COMPLETED
           :: kind = FAILED
           :: kind = FATAL
           :: kind = UNSURE
           :: kind = FORGED
           fi;
           if                                            /* attempted_tasks and standing_of */
           :: (a == attempt || !REPORT_FENCE) && (HELD || !REPORT_GUARD) && (kind != FORGED || !OWNER_CHECK) ->
              cancel = wanted; may_retry = attempt < MAX_ATTEMPTS || !ATTEMPTS_COUNTED
           :: else -> goto over
           fi;
           if :: ROW_LOCKS -> goto write :: else fi
       };
       atomic { true;                                    /* start_attempts, close_attempts */
write:     if
           :: (a == attempt || !REPORT_FENCE) && (HELD || !REPORT_GUARD) ->
              if
              :: kind == STARTED && st == running
              :: kind == STARTED && st != running -> put(running)
              :: kind != STARTED -> robbed = robbed || (a != attempt);
                 if
                 :: kind == COMPLETED || kind == FORGED -> put(succeeded)
                 :: kind == UNSURE -> put(needs_attention)
                 :: kind == FAILED -> fail_attempt()
                 :: kind == FATAL && cancel -> put(cancelled)
                 :: kind == FATAL && !cancel -> put(failed)
                 fi
              fi
           :: else
           fi;
over:      a = 0; kind = 0; may_retry = false; cancel = false
       }
    od
}

active proctype rescue() {
    byte a;
    bool may_retry, cancel;
end:
    do
    :: atomic { RESCUE_RUNS && HELD ->                   /* lapsed_tasks */
           a = attempt; cancel = wanted; may_retry = attempt < MAX_ATTEMPTS || !ATTEMPTS_COUNTED;
           if :: ROW_LOCKS -> goto write :: else fi
       };
       atomic { true;                                    /* close_attempts */
write:     if
           :: HELD && (a == attempt || !LAPSE_FENCE) -> robbed = robbed || (a != attempt); fail_attempt()
           :: else
           fi;
           a = 0; may_retry = false; cancel = false
       }
    od
}

active proctype promote() {
end:
    do
    :: atomic { PROMOTE_RUNS && TIMED -> if :: ROW_LOCKS -> goto write :: else fi };
       atomic { true;
write:     if
           :: TIMED || !PROMOTE_GUARD -> put(queued); tell_hint()
           :: else
           fi
       }
    od
}

/* What may happen and need not: a deadline, people, a wipe. */
active proctype others() {
    bool held;
end:
    do
    :: break
    :: atomic { hint -> hint = false }
    :: atomic { WAITS -> if :: ROW_LOCKS -> goto late :: else fi };
       atomic { true;
late:      if
           :: WAITS || !EXPIRE_GUARD -> put(expired)
           :: else
           fi
       }
    :: atomic { st == needs_attention && releases < 1 -> releases++; wanted = false; put(queued); tell_hint() }
    :: atomic { st != absent && !FINAL -> held = HELD; if :: ROW_LOCKS -> goto write :: else fi };
       atomic { true;
write:     if
           :: held && HELD && CANCEL_WAITS -> wanted = true
           :: held && HELD && !CANCEL_WAITS -> overtaken = true; put(cancelled)
           :: !held && (WAITS || TIMED || st == needs_attention || !CANCEL_GUARD) -> put(cancelled)
           :: else
           fi;
           held = false
       }
    od
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

ltl once          { [] (ends <= 1) }                         /* a task ends at most once */
ltl doors         { [] !fired }                              /* no move but those of TRANSITIONS is even tried */
ltl alone         { [] (!fired && !robbed) }                 /* neither an unlisted move, nor another's attempt ended */
ltl fenced        { [] !robbed }                             /* an attempt is ended by its own report or lapse alone */
ltl counted       { [] (attempt <= MAX_ATTEMPTS + releases) } /* no more attempts than were allowed */
ltl true_success  { [] (st == succeeded -> done) }           /* succeeded: the effect's receipt is complete */
ltl not_stale     { [] !stale }                              /* no older attempt acts after a newer one */
ltl not_again     { [] !again }                              /* nothing acts after the receipt is complete */
ltl kept          { [] (answered -> tasks > 0) }             /* what was accepted is there */
ltl one_task      { [] (tasks <= 1) }                        /* one client key is one task */
ltl cancel_holds  { [] !(wanted && WAITS) }                  /* what was cancelled is not tried again */
ltl cancel_waits  { [] !overtaken }                          /* a cancel overtakes no running operation */
ltl ends_or_rests { [] (tasks > 0 -> <> RESTS) }             /* under weak fairness each task ends or rests */
