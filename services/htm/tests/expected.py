"""A task as a small model has it: what claims, reports and time make of it, and nothing of how."""

from __future__ import annotations

from dataclasses import dataclass, field

HELD = ("assigned", "running")
WAITING = ("waiting", "queued", "retrying")
FINAL = ("succeeded", "failed", "cancelled", "expired", "dead_letter")
ENDINGS = {"started": "running", "completed": "succeeded", "failed": "failed", "timeout": "timeout"}
RETRYABLE = ("transient", "system", "timeout")
CLASSES = (*RETRYABLE, "validation", "user", "nonretryable", "undecided")


@dataclass
class Expected:
    """A task as the model has it."""

    max_attempts: int
    expires: bool
    overdue: bool = False
    cancelling: bool = False
    state: str = "queued"
    attempt: int = 0
    failures: int = 0
    lapses: int = 0
    parks: int = 0
    released: bool = False
    said: int | None = None
    owner: str | None = None
    endings: list[str] = field(default_factory=list)
    before: list[Expected] = field(default_factory=list)
    parent: Expected | None = None
    children: list[Expected] = field(default_factory=list)
    ends_as: str = ""

    def standing(self, kind: str, number: int, worker: str, percent: int | None) -> str:
        """What a report on this task is worth."""
        if number < self.attempt:
            return "stale"
        if number > self.attempt or worker != self.owner:
            return "not_owner"
        if self.state in HELD:
            return (
                self._again(percent) if (kind, self.state) == ("started", "running") else "current"
            )
        return "duplicate" if ENDINGS[kind] == self.endings[-1] else "late"

    def _again(self, percent: int | None) -> str:
        if percent is None or percent == self.said:
            return "duplicate"
        return "behind" if percent < (self.said or 0) else "current"

    def hear(
        self, kind: str, word: str | None, *, retryable: bool | None, percent: int | None
    ) -> None:
        """A report that counts."""
        if kind == "started":
            self.state = "running"
            self.said = percent if percent is not None else self.said
        elif kind == "completed":
            self._close("succeeded", "succeeded")
        else:
            self.failures += 1
            hinted = "timeout" if kind == "timeout" or retryable is not False else "user"
            final = (word if word in CLASSES else hinted) not in RETRYABLE
            once_more = "failed" if final else self._retried()
            self._close(ENDINGS[kind], "needs_attention" if word == "undecided" else once_more)

    def lapse(self) -> None:
        """Nothing was heard of the worker for a lease."""
        self.lapses += 1
        self._close("lapsed", self._retried())

    def _retried(self) -> str:
        return "retrying" if self.attempt < self.max_attempts else "dead_letter"

    def _close(self, ending: str, state: str) -> None:
        unwanted = self.cancelling and state != "succeeded"
        self.endings[-1] = ending
        self.go("cancelled" if unwanted else state)
        self.parks += self.state == "needs_attention"

    def go(self, state: str) -> None:
        """Into this state; a parent ends when its children have."""
        joins = self.children and state in FINAL
        self.state, self.ends_as = ("joining", state) if joins else (state, self.ends_as)

    def cancel(self) -> bool:
        """Somebody wants it cancelled; False when it has ended otherwise."""
        if self.state in (*HELD, "joining"):
            self.cancelling = True
        elif self.state in (*WAITING, "scheduled", "needs_attention"):
            self.go("cancelled")
        # A parent that nobody held joins its children first.
        return self.cancelling or "cancelled" in {self.state, self.ends_as}

    def release(self) -> bool:
        """Somebody lets it go on, however late; False where it does not rest, and never did so."""
        if self.state == "needs_attention":
            self.state, self.released = "queued", True
            self.expires = self.overdue = False
        return self.released

    @property
    def stops(self) -> bool:
        """Whether its children are to stop."""
        return self.cancelling or self.ends_as not in {"", "succeeded"}

    def follow(self) -> bool:
        """Do what others' ends mean for it; False where they mean nothing now."""
        if self.state in FINAL:
            return False
        if self.parent and self.parent.stops and not self.cancelling:
            return self.cancel()
        if self.state == "waiting":
            return self._go_on({task.state for task in self.before})
        if self.state == "joining":
            return self._join({task.state for task in self.children})
        return False

    def _go_on(self, states: set[str]) -> bool:
        if states & set(FINAL) - {"succeeded"}:
            self.go("cancelled")
        elif states == {"succeeded"}:
            self.state = "queued"
        return self.state != "waiting"

    def _join(self, states: set[str]) -> bool:
        if not states <= set(FINAL):
            return False
        spoiled = self.ends_as == "succeeded" and states != {"succeeded"}
        instead = "cancelled" if self.cancelling else "failed"
        self.state = instead if spoiled else self.ends_as
        return True
