/* Reports by request, docs/decisions/0016: one commit ends what was done and hands out what is next, and the
   answer comes after it. Two tasks of which one may be in flight, and two workers:
   - a commit fails, and then nothing of it is; an answer is lost; a worker dies and knows nothing any more;
   - what gets no answer goes over the stream, which brings it at any time, twice, or never;
   - a worker may tell of a task that the other one holds;
   - what is locked and what is counted is read in one step, and written in another. */
#include "guards.h"
#define TURNS            ON(0)   /* take_turn: one claim at a time */
#define LINE_FIRST       ON(1)   /* on_report: the turn is taken before any task is locked */
#define ONE_COMMIT       ON(2)   /* on_report: what ended and what is handed out are kept together or not at all */
#define COMMIT_FIRST     ON(3)   /* the answer comes after the commit */
#define SENT_AGAIN       ON(4)   /* the worker: what was not answered goes over htm.task.update */
#define REPORT_FENCE     ON(5)   /* standing_of and close_attempts: the attempt number is the newest */
#define REPORT_GUARD     ON(6)   /* standing_of and close_attempts: the task is held */
#define OWNER_CHECK      ON(7)   /* standing_of: who reports is who claimed */
#define NONE_FOR_FORGERS ON(8)   /* on_report: who tells of what is not its own is handed nothing */
#define RESCUE_RUNS      ON(9)

#define queued    0
#define held      1
#define succeeded 2
#define buried    3

#define NONE         2
#define CAPACITY     1
#define MAX_ATTEMPTS 2
#define IN_FLIGHT    ((st[0] == held) + (st[1] == held))
#define OPEN(t, k)   (st[t] == held && attempt[t] == k)
#define COUNTS(t, k) ((attempt[t] == k || !REPORT_FENCE) && (st[t] == held || !REPORT_GUARD))
#define WORD(t, k)   words[t * MAX_ATTEMPTS + k - 1]
/* Each waits for what the other has locked. */
#define CROSSED      (line != NONE && on[line] != NONE && row[on[line]] == 1 - line && wants[1 - line])

/* Postgres: tasks, and who has locked what */
byte st[2] = queued, attempt[2], row[2] = NONE, line = NONE, aborts;
/* What workers did, and wait for */
bool did[2], wants[2], lied;
byte on[2] = NONE;
/* NATS */
bool words[4];
/* What must never be */
bool twice, robbed, over, forgotten, rewarded;

inline end_task(t, k) {
    robbed = robbed || attempt[t] != k;
    twice = twice || st[t] == succeeded;
    st[t] = succeeded
}

inline hand_out(t) {
    st[t] = held; attempt[t]++;
    over = over || IN_FLIGHT > CAPACITY
}

inline let_go() {
    if :: line == me -> line = NONE :: else fi;
    if :: row[0] == me -> row[0] = NONE :: else fi;
    if :: row[1] == me -> row[1] = NONE :: else fi
}

inline take_line() {
    wants[me] = true;
    line == NONE;
    line = me; wants[me] = false
}

proctype worker(byte me) {
    byte mine = NONE, n, next = NONE;        /* what it did, and what it is handed */
    bool forges, counts, kept;
end:
    do
    :: atomic { mine != NONE -> mine = NONE; n = 0 }                         /* it dies */
    :: atomic {
           mine != NONE || st[0] == queued || st[1] == queued ->
           if
           :: mine != NONE -> did[mine] = true
           :: mine == NONE
           :: mine == NONE && !lied && st[0] == held -> mine = 0; n = attempt[0]; forges = true; lied = true
           :: mine == NONE && !lied && st[1] == held -> mine = 1; n = attempt[1]; forges = true; lied = true
           fi;
           if :: TURNS && LINE_FIRST -> take_line() :: else fi
       };
       atomic {
           if :: mine != NONE -> row[mine] == NONE; row[mine] = me :: else fi;   /* attempted_tasks */
           if :: TURNS && line != me -> take_line() :: else fi;
           if :: mine != NONE -> counts = COUNTS(mine, n) && !(forges && OWNER_CHECK) :: else fi;
           if                                                                /* choose_next */
           :: IN_FLIGHT - counts < CAPACITY && !(forges && NONE_FOR_FORGERS) && mine != 0 && st[0] == queued -> next = 0
           :: IN_FLIGHT - counts < CAPACITY && !(forges && NONE_FOR_FORGERS) && mine != 1 && st[1] == queued -> next = 1
           :: else
           fi;
           if                                                                /* assign_tasks */
           :: next != NONE -> on[me] = next; row[next] == NONE; row[next] = me; on[me] = NONE
           :: else
           fi
       };
       atomic {
           if
           :: true -> kept = true; if :: counts -> end_task(mine, n) :: else fi   /* the commit */
           :: aborts < 1 -> aborts++
           fi;
           if
           :: next != NONE && st[next] == queued && (kept || !ONE_COMMIT) -> hand_out(next)
           :: else -> next = NONE
           fi;
           let_go();
           if
           :: kept || !COMMIT_FIRST ->                                       /* the answer */
              if :: mine != NONE && !forges -> forgotten = forgotten || OPEN(mine, n) :: else fi;
              rewarded = rewarded || (forges && next != NONE);
              mine = next;
              if :: next != NONE -> n = attempt[next] :: else -> n = 0 fi
           :: true ->                                                        /* none came */
              if
              :: mine != NONE && !forges && SENT_AGAIN -> WORD(mine, n) = true
              :: mine != NONE && !forges && !SENT_AGAIN -> forgotten = forgotten || OPEN(mine, n)
              :: else
              fi;
              mine = NONE; n = 0
           fi;
           next = NONE; forges = false; counts = false; kept = false
       }
    od
}

inline bring(t, k) {
    WORD(t, k) && row[t] == NONE ->
    if :: COUNTS(t, k) -> end_task(t, k) :: else fi;
    if :: WORD(t, k) = false :: true fi
}

active proctype stream() {
end:
    do
    :: atomic { bring(0, 1) }
    :: atomic { bring(0, 2) }
    :: atomic { bring(1, 1) }
    :: atomic { bring(1, 2) }
    od
}

inline lapse(t) {
    RESCUE_RUNS && st[t] == held && row[t] == NONE ->
    if :: attempt[t] < MAX_ATTEMPTS -> st[t] = queued :: else -> st[t] = buried fi
}

active proctype rescue() {
end:
    do
    :: atomic { lapse(0) }
    :: atomic { lapse(1) }
    od
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

init { atomic { run worker(0); run worker(1) } }

ltl once         { [] !twice }                               /* told by both ways, a task ends once */
ltl fenced       { [] !robbed }                              /* a word that comes late ends no other attempt */
ltl true_success { [] ((st[0] != succeeded || did[0]) && (st[1] != succeeded || did[1])) } /* succeeded: somebody who held it did it */
ltl limit        { [] !over }                                /* no more is in flight than may be */
ltl told         { [] !forgotten }                           /* a worker forgets only what is kept, or on the stream */
ltl no_reward    { [] !rewarded }                            /* who tells of what is not its own is handed nothing */
ltl not_crossed  { [] !CROSSED }                             /* no two requests wait for each other */
ltl ends         { <> (st[0] >= succeeded && st[1] >= succeeded) } /* under weak fairness each task ends */
