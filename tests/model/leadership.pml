/* Two replicas of a service and one duty of a leader: kit/leadership.py. The lead is a session lock in Postgres,
   on a connection of its own; sessions are cut, with or without the replica hearing of it. What is due is done
   by read, then by a write that the row guards. */
#include "guards.h"
#define LOCK_DIES   ON(0)   /* a session lock: it goes with its session */
#define FORGETS     ON(1)   /* _ensure_connection: what was held over a lost connection is not held any more */
#define PROBES      ON(2)   /* _ensure_connection: after five seconds it asks whether the session is there */
#define TRIES_AGAIN ON(3)   /* holds: who does not lead tries at every tick */
#define ROW_GUARD   ON(4)   /* every write is guarded by the row's state */

#define ITEMS 2
#define NOBODY 2

byte holder = NOBODY, work = 0, cuts = 0;
byte done[ITEMS];
bool session[2], open[2], held[2], overdue[2], gone[2];
bool impostor, twice;

proctype replica(byte me) {
    byte seen;
end:
    do
    :: gone[me] -> break
    :: atomic { !gone[me] && open[me] && overdue[me] && PROBES && !session[me] -> open[me] = false; overdue[me] = false }
    :: atomic { !gone[me] && !open[me] ->
           if :: FORGETS -> held[me] = false :: else fi;
           session[me] = true; open[me] = true; overdue[me] = false
       }
    :: atomic { !gone[me] && open[me] && session[me] && !held[me] && holder == NOBODY && TRIES_AGAIN ->
           holder = me; held[me] = true
       }
    :: atomic { !gone[me] && open[me] && held[me] && !(overdue[me] && PROBES) && work < ITEMS ->
           impostor = impostor || (holder != me && (session[me] || overdue[me]));
           seen = work
       };
       atomic {
           if
           :: (work == seen || !ROW_GUARD) && !gone[me] ->
              done[seen]++; twice = twice || done[seen] > 1;
              if :: work == seen -> work++ :: else fi
           :: else
           fi;
           seen = 0
       }
    od
}

/* A session ends at the server; the replica may hear of it, or learn it from a probe alone. A replica may end. */
active proctype faults() {
    byte who;
end:
    do
    :: atomic { cuts < 3 -> cuts++;
           if :: who = 0 :: who = 1 fi;
           if :: holder == who && (LOCK_DIES || !session[who]) -> holder = NOBODY :: else fi;
           session[who] = false;
           if :: open[who] = false :: true :: atomic { !gone[1 - who] -> gone[who] = true; open[who] = false } fi;
           who = 0
       }
    od
}

/* Five seconds pass for a replica that was cut off. */
active proctype trust() {
end:
    do
    :: atomic { open[0] && !session[0] && !overdue[0] -> overdue[0] = true }
    :: atomic { open[1] && !session[1] && !overdue[1] -> overdue[1] = true }
    od
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

init { atomic { run replica(0); run replica(1) } }

ltl no_impostor { [] !impostor }                             /* who leads holds the lock, or was cut off less than five seconds ago */
ltl once        { [] !twice }                                /* what is due is done once, even under two leaders */
ltl led         { <> (work == ITEMS) }                       /* somebody leads at last, and all that is due is done */
