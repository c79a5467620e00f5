/* One approval: two people of one group (1, 2), one of another (3), to which who asked for it (0) belongs, too;
   two groups must agree. Each ballot is a transaction of its own. Time passes, and a policy changes. */
#include "guards.h"
#define ROW_LOCK       ON(0)   /* lock_request: ballots on one request are counted one after the other */
#define VERSION_GUARD  ON(1)   /* count_vote, close_request: status = 'pending' AND version = :version */
#define DECIDED_ONCE   ON(2)   /* the trigger: a decided row never changes again */
#define NOT_REQUESTER  ON(3)   /* refusal: OWN_REQUEST */
#define GROUPS_COUNT   ON(4)   /* decide: k groups, not k people */
#define EXPIRY_CHECK   ON(5)   /* closed: now >= expires_at, even before the loop comes */
#define EXPIRE_GUARD   ON(6)   /* expire_requests: status = 'pending' */
#define EXPIRE_RUNS    ON(7)
#define ASK_AGAIN      ON(8)   /* refuse_forbidden: who grants asks the policies in force */
#define POLICY_HOLD    ON(9)   /* hold_policies: they stay as they are until the grant stands */

#define PENDING  0
#define GRANTED  1
#define REJECTED 2
#define EXPIRED  3
#define IN_GROUP_A(who) (who == 1 || who == 2)
#define IN_GROUP_B(who) (who == 0 || who == 3)
#define A_SPOKE (vote[1] || vote[2])
#define B_SPOKE (vote[0] || vote[3])
#define VOTES   (vote[0] + vote[1] + vote[2] + vote[3])

byte status = PENDING, version = 1, grants = 0, sharing = 0;
bool vote[4], locked, due, changing, forbidden;
bool changed, unbacked, overdue, lifted;                       /* what may not be */

/* An UPDATE of the request; `into` may be what it is: a vote that was counted. */
inline put(into) {
    if
    :: status != PENDING && DECIDED_ONCE -> skip
    :: else ->
       changed = changed || (status != PENDING);
       status = into; version++
    fi
}

proctype ballot(byte who; bool approve) {
    bool a, b, late, forbids;
    byte seen, at;
    atomic {
        if
        :: ROW_LOCK -> !locked; locked = true
        :: else
        fi;
        seen = status; at = version; late = due;
        a = A_SPOKE || IN_GROUP_A(who); b = B_SPOKE || IN_GROUP_B(who)
    };
    if
    :: seen != PENDING || (late && EXPIRY_CHECK) || (who == 0 && NOT_REQUESTER) -> skip
    :: else ->
       if
       :: !approve -> atomic { if :: (status == PENDING && version == at) || !VERSION_GUARD -> put(REJECTED) :: else fi }
       :: approve && ((a && b) || (!GROUPS_COUNT && VOTES - vote[who] >= 1)) ->
          atomic { if :: POLICY_HOLD -> !changing; sharing++ :: else fi; forbids = forbidden };
          atomic {
              if
              :: forbids && ASK_AGAIN
              :: else ->
                 if
                 :: (status == PENDING && version == at) || !VERSION_GUARD ->
                    vote[who] = true;
                    if
                    :: status == PENDING || !DECIDED_ONCE ->
                       grants++;
                       unbacked = unbacked || !(A_SPOKE && vote[3]);
                       overdue = overdue || late;
                       lifted = lifted || forbidden
                    :: else
                    fi;
                    put(GRANTED)
                 :: else
                 fi
              fi;
              if :: POLICY_HOLD -> sharing-- :: else fi
          }
       :: else ->
          atomic {
              if
              :: (status == PENDING && version == at) || !VERSION_GUARD -> vote[who] = true; put(status)
              :: else
              fi
          }
       fi
    fi;
    atomic { if :: ROW_LOCK -> locked = false :: else fi; a = 0; b = 0; late = 0; forbids = 0; seen = 0; at = 0 }
}

/* A policy that forbids the plan comes into force, or never does. */
active proctype people() {
    if
    :: atomic { (!POLICY_HOLD || sharing == 0) -> changing = true }; atomic { forbidden = true; changing = false }
    :: true
    fi
}

active proctype expiry() {
end:
    do
    :: atomic { !due -> due = true }
    :: atomic { EXPIRE_RUNS && due && (status == PENDING || !EXPIRE_GUARD) && status != EXPIRED && !(ROW_LOCK && locked) ->
           put(EXPIRED)
       }
    od
}

/* Time never stands still: spin takes a run that stops for none that could be unfair. */
active proctype clock() {
    do
    :: true -> skip
    od
}

init {
    atomic {
        run ballot(0, true); run ballot(1, true); run ballot(2, true); run ballot(3, true); run ballot(3, false)
    }
}

ltl quorum        { [] !unbacked }                           /* granted: two groups agreed, and none of them asked for it */
ltl granted_once  { [] (grants <= 1) }                       /* a plan is granted at most once */
ltl decided       { [] !changed }                            /* what is decided stays so */
ltl no_vote_lost  { [] !(A_SPOKE && vote[3] && status == PENDING) } /* what has its votes does not wait for more */
ltl in_time       { [] !overdue }                            /* nobody grants what has expired */
ltl not_lifted    { [] !lifted }                             /* no approval lifts what a policy in force forbids */
ltl ends          { [] (due -> <> (status != PENDING)) }     /* what nobody decides expires */
