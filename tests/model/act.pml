/* Two attempts at one action, the kill switch and its beacon. A second is an event: what was heard before it is
   stale then. What an attempt may do to the world when it is killed in between is in htm.pml. */
#include "guards.h"
#define CAPABILITY     ON(0)   /* effect.check: no apply without what governance signed */
#define RECEIPT_ONCE   ON(1)   /* open_receipt: what is complete is answered again, not done again */
#define PERMIT_ASKED   ON(2)   /* may_begin: the last word must allow it */
#define PERMIT_FRESH   ON(3)   /* may_begin: and be younger than a second */
#define LAST_LOOK      ON(4)   /* effect: asked again right before the effect */
#define BEACON_OF_NOW  ON(5)   /* Heard.hear: what was recorded counts for nothing */
#define ANSWERED_FIRST ON(6)   /* Heard.hear: nothing counts before governance itself has answered */

byte effects = 0;
bool granted, done, allowed = true, answered, heard, fresh, stopped_long;
bool unapproved, after_stop;                                   /* what may not be */

/* Two attempts at one action; the second may be of a task that came twice, or of a lapse. */
proctype attempt() {
    bool may;
    atomic { granted || !CAPABILITY; may = (heard || !PERMIT_ASKED) && (fresh || !PERMIT_FRESH) };
    if
    :: !may || (done && RECEIPT_ONCE) -> skip
    :: else ->
       atomic {
           may = !LAST_LOOK || ((heard || !PERMIT_ASKED) && (fresh || !PERMIT_FRESH));
           if
           :: may && !(done && RECEIPT_ONCE) ->
              effects++; done = true;
              unapproved = unapproved || !granted;
              after_stop = after_stop || stopped_long
           :: else
           fi;
           may = 0
       }
    fi
}

/* Its beacons may be lost, and it may be away; the worker asks it at the start. */
active proctype governance() {
end:
    do
    :: atomic { !granted -> granted = true }
    :: atomic { allowed -> allowed = false }
    :: atomic { !answered -> answered = true; heard = allowed; fresh = true }
    :: atomic { answered && (heard != allowed || !fresh) -> heard = allowed; fresh = true }
    od
}

/* Somebody sends beacons again that he recorded when everything was allowed. */
active proctype thief() {
end:
    do
    :: atomic { (!BEACON_OF_NOW || (!ANSWERED_FIRST && !answered)) && (!heard || !fresh) -> heard = true; fresh = true }
    od
}

active proctype second() {
end:
    do
    :: atomic { fresh || (!allowed && !stopped_long) -> fresh = false; stopped_long = stopped_long || !allowed }
    od
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

init { atomic { run attempt(); run attempt() } }

ltl approved      { [] !unapproved }                         /* nothing acts that was not granted */
ltl one_effect    { [] (effects <= 1) }                      /* what was granted is done at most once */
ltl stops         { [] !after_stop }                         /* a second after the kill switch no effect begins */
