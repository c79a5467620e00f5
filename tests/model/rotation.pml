/* The keys of one component: two replicas ask for it while keys expire, and sign; one verifier reads the registry
   when it meets a key that it does not know. identity/handlers/keys.py, kit/keys.py. A transaction of identity
   may be lost before its commit. */
#include "guards.h"
#define COMPONENT_LOCK  ON(0)   /* lock_component: one rotation at a time */
#define ONE_ACTIVE      ON(1)   /* the unique index one_active_key */
#define RETIRES         ON(2)   /* retire_key in the transaction of the new one */
#define COMMIT_FIRST    ON(3)   /* a key is stored before it is handed out */
#define RETIRED_HOLDS   ON(4)   /* verify: only what was revoked counts for nothing */
#define LEARNS          ON(5)   /* learn: the registry is read for a key that is not known */
#define MASTER_TRIED    ON(6)   /* _try_master_key: a key is made only under the key that closed the others */

#define KEYS 3
#define NONE 0
#define ACTIVE 1
#define RETIRED 2
#define NO_KEY 255

byte status[KEYS], made = 0, current = NO_KEY, losses = 0;
bool expired[KEYS], locked, sealed_otherwise[KEYS], wrong_master;
byte known[KEYS];                                            /* what the verifier knows */
bool stranger[KEYS], sent[KEYS], accepted[KEYS];
bool two_active, unreadable;

inline note_active() {
    two_active = two_active || ((status[0] == ACTIVE) + (status[1] == ACTIVE) + (status[2] == ACTIVE) > 1)
}

/* One replica: it asks identity, signs with what it was given, and asks again after a restart. */
proctype replica() {
    byte mine, seen, fresh;
    bool answered;
end:
    do
    :: atomic { made < KEYS || current != NO_KEY;
           if :: COMPONENT_LOCK -> !locked; locked = true :: else fi;
           seen = current; answered = false; mine = NO_KEY
       };
       if
       :: atomic { seen != NO_KEY && !expired[seen] -> mine = seen; unreadable = unreadable || (sealed_otherwise[seen] && !wrong_master) }
       :: atomic { (seen == NO_KEY || expired[seen]) && made < KEYS && !(wrong_master && MASTER_TRIED) ->
              fresh = made; made++; mine = fresh; sealed_otherwise[fresh] = wrong_master
          };
          if
          :: !COMMIT_FIRST -> sent[mine] = true
          :: else
          fi;
          if
          :: atomic { losses < 1 -> losses++; mine = NO_KEY }
          :: atomic {
                 if
                 :: seen != NO_KEY && RETIRES && status[seen] == ACTIVE -> status[seen] = RETIRED
                 :: else
                 fi;
                 if
                 :: ONE_ACTIVE && (status[0] == ACTIVE || status[1] == ACTIVE || status[2] == ACTIVE) -> mine = NO_KEY
                 :: else -> status[fresh] = ACTIVE; current = fresh; note_active()
                 fi
             }
          fi
       :: (seen == NO_KEY || expired[seen]) && (made == KEYS || (wrong_master && MASTER_TRIED)) -> skip
       fi;
       atomic {
           if :: COMPONENT_LOCK -> locked = false :: else fi;
           if
           :: mine != NO_KEY -> sent[mine] = true
           :: else
           fi;
           mine = 0; seen = 0; fresh = 0; answered = false
       }
    :: made == KEYS && (current == NO_KEY || expired[current]) -> break
    od
}

active proctype time() {
end:
    do
    :: atomic { current != NO_KEY && !expired[current] && made < KEYS -> expired[current] = true }
    od
}

/* Identity is started again under another master key, and then under the right one. */
active proctype operator() {
    if
    :: atomic { current != NO_KEY -> wrong_master = true }; wrong_master = false
    :: true
    fi
}

/* A message under each key comes again until it is taken, or refused for good. */
proctype verifier(byte n) {
end:
    do
    :: atomic { sent[n] && !accepted[n] && !stranger[n] ->
           if
           :: known[n] == NONE && LEARNS ->
              known[0] = status[0]; known[1] = status[1]; known[2] = status[2];
              stranger[n] = (known[n] == NONE)
           :: else
           fi;
           accepted[n] = (known[n] == ACTIVE || (known[n] == RETIRED && RETIRED_HOLDS))
       }
    od
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

ltl one_active { [] !two_active }                            /* a component has one active key */
ltl verified   { [] (sent[1] -> <> accepted[1]) }            /* what was signed is taken at last, also after a rotation */
ltl readable   { [] !unreadable }                            /* every stored key opens under the master key */

init { atomic { run replica(); run replica(); run verifier(0); run verifier(1); run verifier(2) } }
