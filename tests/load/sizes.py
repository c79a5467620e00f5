"""How much is measured: the full form, a short one, and one for the test of the bench itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts and seconds of one form of the bench."""

    form: str
    starts: int  # of `grace up`, each on a new folder and then again on the same
    incidents: int
    workers: int  # processes that take tasks
    pairs: int  # of rounds: raw Postgres, then htm
    batch_tasks: int  # of one round, submitted a hundred at a time
    single_tasks: int  # of one round, submitted one by one
    paced_tasks: int  # one by one at a fixed rate, to see how long one takes
    kernel_tasks: int  # through the real worker
    accept_seconds: float
    connections: int
    users: int
    user_seconds: float


FULL = Sizes("full", 3, 50, 2, 3, 20_000, 4_000, 500, 2_000, 15.0, 128, 100, 60.0)
SHORT = Sizes("short", 1, 3, 2, 1, 3_000, 600, 50, 200, 3.0, 128, 100, 6.0)
TINY = Sizes("tiny", 1, 1, 1, 1, 200, 20, 3, 6, 0.3, 2, 5, 0.5)
