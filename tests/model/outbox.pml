/* The outbox of a service and its relay: two transactions write a row each and commit or roll back in any
   order, the relay is killed a few times, a publish or its answer is lost, and once the stream loses all it
   had. The relay's steps are those of kit/relay.py: look, read unsent rows, publish, mark. */
#include "guards.h"
#define AFTER_COMMIT  ON(0)   /* Unit.publish writes a row: nothing goes out before the commit */
#define UNSENT_ROWS   ON(1)   /* unsent: sent_at IS NULL, and no position that was passed */
#define MARK_AFTER    ON(2)   /* mark_sent: only what the stream acknowledged */
#define WATCH_STREAMS ON(3)   /* StreamWatch: a stream that is not the known one gets every row again */
#define RELAY_STARTS  ON(4)   /* the kit starts a relay again that ended */

#define UNSENT(n) (row[n] == COMMITTED && ((UNSENT_ROWS && !sent[n]) || (!UNSENT_ROWS && position[n] > passed)))

#define NONE      0
#define OPEN      1
#define COMMITTED 2
#define UNDONE    3

byte row[2], position[2], last = 0, passed = 0, faults = 0;
bool sent[2], kept[2];
bool known, made, wiped, phantom;

proctype writer(byte me) {
    atomic { row[me] = OPEN; last++; position[me] = last };
    if
    :: !AFTER_COMMIT -> kept[me] = true
    :: else
    fi;
    if
    :: row[me] = COMMITTED
    :: atomic { row[me] = UNDONE; phantom = phantom || kept[me] }
    fi
}

init { atomic { run writer(0); run writer(1) } }

active proctype relay() {
    byte n = 0;
    bool answered;
end:
    do
    :: atomic {                                                   /* look */
           WATCH_STREAMS && known != made -> known = made; sent[0] = false; sent[1] = false
       }
    :: atomic {                                                   /* unsent */
           (known == made || !WATCH_STREAMS) && (UNSENT(0) || UNSENT(1)) ->
           if
           :: UNSENT(0) -> n = 0
           :: UNSENT(1) -> n = 1
           fi
       };
       if
       :: !MARK_AFTER -> sent[n] = true
       :: else
       fi;
       if                                                         /* publish */
       :: atomic { faults < 2 -> faults++; answered = false }
       :: kept[n] = true; answered = true
       :: atomic { faults < 2 -> faults++; kept[n] = true; answered = false }
       :: atomic { faults < 2 -> faults++; goto killed }
       fi;
       if                                                         /* mark_sent */
       :: answered -> atomic { sent[n] = true; if :: position[n] > passed -> passed = position[n] :: else fi }
       :: !answered
       :: atomic { answered && faults < 2 -> faults++; goto killed }
       fi;
       atomic { n = 0; answered = false }
    od;
killed:
    atomic { n = 0; answered = false };
    if
    :: RELAY_STARTS -> goto end
    :: else
    fi
}

active proctype nats() {
    if
    :: atomic { !wiped -> wiped = true; made = !made; kept[0] = false; kept[1] = false }
    :: true
    fi
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

ltl no_phantom { [] !phantom }                                            /* what was rolled back is never told */
ltl all_told   { [] (row[0] == COMMITTED -> <> [] kept[0]) }              /* what was committed is in the stream at last, and stays */
