/* A task that depends on another and has a child. Its own life takes any door that htm.pml allows, at any
   time; what is searched here is who lets it begin, who ends it, and who tells whom. A child need never end
   by itself; one that was asked to stop does. `note` is htm_ends: somebody's end was not followed yet. */
#include "guards.h"
#define LINK_LOCKS     ON(0)   /* lock_relatives: what a submission names cannot end before it is committed */
#define READY_CHECK    ON(1)   /* _go_on: released when all that it depends on has succeeded */
#define CHILDREN_FIRST ON(2)   /* the trigger: what would end a parent lets it join its children */
#define CHILD_COUNTS   ON(3)   /* _join: a success needs that of the child */
#define ENDS_NOTED     ON(4)   /* the trigger: an end that somebody waits for is noted */
#define FOLLOW_RUNS    ON(5)
#define FOLLOW_LOCKS   ON(6)   /* lock_followers: what an end concerns stands still until the write */
#define FOLLOW_GUARD   ON(7)   /* release_waiting, end_parents: status = 'waiting', 'joining' */
#define CLOSED_PARENT  ON(8)   /* what has ended or is about to takes no more children */
#define CANCEL_WALKS   ON(9)   /* the children of what ends otherwise than well are cancelled */

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
#define waiting          12
#define joining          13
c_decl {
static const char *STATES[] = { "absent", "queued", "assigned", "running", "retrying", "needs_attention",
    "succeeded", "failed", "cancelled", "expired", "dead_letter", "scheduled", "waiting", "joining" };
};

#define IS_FINAL(s) (s >= succeeded && s <= dead_letter)
#define FINAL   IS_FINAL(st)
#define HELD    (st == assigned || st == running)
#define DOOR(from, into) (st == from && goal == into)
/* domain/lifecycle.py, one line per door; test_model.py compares. */
#define LISTED ( \
    DOOR(waiting, queued) || DOOR(waiting, scheduled) || DOOR(waiting, expired) || \
    DOOR(waiting, cancelled) || DOOR(waiting, joining) || \
    DOOR(scheduled, queued) || DOOR(scheduled, cancelled) || DOOR(scheduled, joining) || \
    DOOR(queued, assigned) || DOOR(queued, expired) || DOOR(queued, cancelled) || DOOR(queued, joining) || \
    DOOR(assigned, running) || \
    DOOR(assigned, succeeded) || DOOR(assigned, failed) || DOOR(assigned, retrying) || \
    DOOR(assigned, dead_letter) || DOOR(assigned, cancelled) || DOOR(assigned, needs_attention) || \
    DOOR(assigned, joining) || \
    DOOR(running, succeeded) || DOOR(running, failed) || DOOR(running, retrying) || \
    DOOR(running, dead_letter) || DOOR(running, cancelled) || DOOR(running, needs_attention) || \
    DOOR(running, joining) || \
    DOOR(retrying, queued) || DOOR(retrying, expired) || DOOR(retrying, cancelled) || \
    DOOR(retrying, joining) || \
    DOOR(needs_attention, queued) || DOOR(needs_attention, cancelled) || DOOR(needs_attention, joining) || \
    DOOR(joining, succeeded) || DOOR(joining, failed) || DOOR(joining, cancelled) || \
    DOOR(joining, expired) || DOOR(joining, dead_letter) )

#define NONE   0
#define OPEN   1
#define ASKED  2                 /* open, and to stop */
#define GOOD   3
#define BAD    4
#define AT_WORK(who) (who == OPEN || who == ASKED)
#define ENDS_OTHERWISE (wanted || (st == joining && ends_as != succeeded))
#define RESTS ( FINAL || st == needs_attention || (st == waiting && before == OPEN) || \
    (st == joining && child == OPEN && !ENDS_OTHERWISE) )

byte st = absent, ends_as = absent, attempt = 0, releases = 0, goal = 0;
byte before = NONE, child = NONE;
bool is_parent, followed, wanted, note, fired;

/* An UPDATE of the task, with its triggers. */
inline put(into) {
    goal = into;
    if
    :: CHILDREN_FIRST && is_parent && IS_FINAL(goal) && st != joining -> ends_as = goal; goal = joining
    :: else
    fi;
    if
    :: LISTED -> TOOK(now.st, now.goal)
    :: else -> fired = true
    fi;
    st = goal; goal = 0;
    note = note || (ENDS_NOTED && is_parent && (FINAL || st == joining))
}

/* Its submission names a task that is open or has ended; it may come with a child. */
active proctype client() {
    byte seen;
    atomic { if :: before = NONE :: before = OPEN :: before = GOOD :: before = BAD fi };
    atomic {
        seen = before;
        if :: LINK_LOCKS -> goto write :: else fi
    };
    atomic { true;
write:  if
        :: seen == NONE -> st = queued
        :: seen == NONE -> st = scheduled
        :: seen != NONE -> st = waiting; followed = (seen == OPEN); note = note || (seen != OPEN)
        fi;
        if :: true :: is_parent = true; child = OPEN fi
    }
}

active proctype dependency() {
end:
    do
    :: atomic { before == OPEN ->
           if :: before = GOOD :: before = BAD fi;
           note = note || (followed && ENDS_NOTED)
       }
    od
}

/* A child that comes later; where the first has ended well, it takes its place here. */
active proctype late_child() {
end:
    do
    :: atomic { st != absent && (child == NONE || child == GOOD) && ((!FINAL && !ENDS_OTHERWISE) || !CLOSED_PARENT) ->
           is_parent = true; child = OPEN; break
       }
    od
}

/* A child that nobody asks to stop may take for ever. */
active proctype the_child() {
end:
    do
    :: atomic { child == ASKED -> if :: child = GOOD :: child = BAD fi; note = note || ENDS_NOTED }
    od
}

active proctype good_child() {
    do
    :: break
    :: atomic { child == OPEN -> if :: child = GOOD :: child = BAD fi; note = note || ENDS_NOTED }
    od
}

/* Workers, time and loops: any door of its own life. */
active proctype life() {
end:
    do
    :: atomic { st == scheduled -> put(queued) }
    :: atomic { st == queued -> if :: attempt++; put(assigned) :: put(expired) fi }
    :: atomic { st == assigned -> put(running) }
    :: atomic { HELD ->
           if
           :: put(succeeded)
           :: !wanted -> put(failed)
           :: !wanted && attempt < 2 -> put(retrying)
           :: !wanted -> put(dead_letter)
           :: wanted -> put(cancelled)
           :: put(needs_attention)
           fi
       }
    :: atomic { st == retrying -> if :: put(queued) :: put(expired) fi }
    od
}

/* People and deadlines: what may happen and need not. */
active proctype others() {
    do
    :: break
    :: atomic { st == needs_attention && releases < 1 && attempt < 2 -> releases++; wanted = false; put(queued) }
    :: atomic { st == waiting -> put(expired) }
    :: atomic { st == waiting || st == scheduled || st == queued || st == retrying || st == needs_attention ->
           put(cancelled)
       }
    :: atomic { (HELD || st == joining) && !wanted -> wanted = true; note = note || (ENDS_NOTED && is_parent) }
    od
}

active proctype follow() {
    byte from, into;
end:
    do
    :: atomic { FOLLOW_RUNS && note ->
           note = false; from = st;
           if
           :: CANCEL_WALKS && ENDS_OTHERWISE && child == OPEN -> child = ASKED
           :: else
           fi;
           if
           :: st == waiting && before == BAD -> into = cancelled
           :: st == waiting && before != BAD && (before == GOOD || !READY_CHECK) ->
              if :: into = queued :: into = scheduled fi
           :: st == joining && !AT_WORK(child) ->
              if
              :: ends_as == succeeded && child == BAD && CHILD_COUNTS && wanted -> into = cancelled
              :: ends_as == succeeded && child == BAD && CHILD_COUNTS && !wanted -> into = failed
              :: else -> into = ends_as
              fi
           :: else
           fi;
           if :: FOLLOW_LOCKS -> goto write :: else fi
       };
       atomic { true;
write:     if
           :: into != absent && (st == from || !FOLLOW_GUARD) -> put(into)
           :: else
           fi;
           from = absent; into = absent
       }
    od
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

ltl doors         { [] !fired }                                         /* no move but those of TRANSITIONS */
ltl not_early     { [] (attempt > 0 -> before == NONE || before == GOOD) }  /* nothing begins before all that it depends on succeeded */
ltl children_last { [] (FINAL -> !AT_WORK(child)) }                     /* what has ended has nobody at work under it */
ltl true_success  { [] (st == succeeded -> child != BAD) }              /* a parent succeeds only with its children */
ltl ends_or_rests { [] (st != absent -> <> RESTS) }                     /* under weak fairness nobody waits for what has ended */
