"""What a person may choose where a contract needs attention."""

from dataclasses import dataclass
from enum import StrEnum


class Choice(StrEnum):
    """None of it is a success: nobody measured one."""

    ACCEPT = "accept"  # the world may stay as it is
    RETRY_REVERT = "retry_revert"  # what stood against the rollback is gone
    CLOSE = "close"  # given up: it is not as it should be


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice, by whom and why."""

    choice: Choice
    by: str
    why: str
