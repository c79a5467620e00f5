/* Switches for the guards of a model. They are read once from the environment, so that one verifier checks
   the model and all of its sabotages: GRACE_MODEL_OFF names, as a sum of 1 << n, the guards that are off. */
c_decl {
\#include <stdlib.h>
static long off_guards;
static unsigned char took[32][32];
__attribute__((constructor)) static void read_guards(void) {
    const char *off = getenv("GRACE_MODEL_OFF");
    off_guards = off ? strtol(off, NULL, 10) : 0;
}
};
#define ON(n) c_expr { !((off_guards >> n) & 1) }
/* Each move that the search makes is printed once. */
#define TOOK(from, into) c_code { \
    if (!took[from][into]) { took[from][into] = 1; printf("took %s %s\n", STATES[from], STATES[into]); } }
