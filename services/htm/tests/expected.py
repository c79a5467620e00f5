"""A task as a small model has it: what claims, reports and time make of it, and nothing of how."""

from __future__ import annotations

from dataclasses import dataclass, field

HELD = ("assigned", "running")
WAITING = ("queued", "retrying")
ENDINGS = {"started": "running", "completed": "succeeded", "failed": "failed", "timeout": "timeout"}
RETRYABLE = ("transient", "system", "timeout")
CLASSES = (*RETRYABLE, "validation", "user", "nonretryable")


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
    owner: str | None = None
    endings: list[str] = field(default_factory=list)

    def standing(self, kind: str, number: int, worker: str) -> str:
        """What a report on this task is worth."""
        if number < self.attempt:
            return "stale"
        if number > self.attempt or worker != self.owner:
            return "not_owner"
        if self.state in HELD:
            again = kind == "started" and self.state == "running"
            return "duplicate" if again else "current"
        return "duplicate" if ENDINGS[kind] == self.endings[-1] else "late"

    def hear(self, kind: str, word: str | None, *, retryable: bool | None) -> None:
        """A report that counts."""
        if kind == "started":
            self.state = "running"
        elif kind == "completed":
            self._close("succeeded", "succeeded")
        else:
            self.failures += 1
            hinted = "timeout" if kind == "timeout" or retryable is not False else "user"
            final = (word if word in CLASSES else hinted) not in RETRYABLE
            self._close(ENDINGS[kind], "failed" if final else self._again())

    def lapse(self) -> None:
        """Nothing was heard of the worker for a lease."""
        self.lapses += 1
        self._close("lapsed", self._again())

    def _again(self) -> str:
        return "retrying" if self.attempt < self.max_attempts else "dead_letter"

    def _close(self, ending: str, state: str) -> None:
        unwanted = self.cancelling and state != "succeeded"
        self.endings[-1], self.state = ending, "cancelled" if unwanted else state

    def cancel(self) -> bool:
        """Somebody wants it cancelled; False when it has ended otherwise."""
        if self.state in HELD:
            self.cancelling = True
        elif self.state in WAITING:
            self.state = "cancelled"
        return self.cancelling or self.state == "cancelled"
