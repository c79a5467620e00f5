"""Which class of failure htm is told decides whether it tries again."""

from datetime import timedelta

import asyncpg
import pytest

from grace.resilience.errors import CircuitOpen, OperationTimeout, RateLimited
from grace.resilience.retry import RETRYABLE, ErrorClass
from grace.worker.domain.failure import (
    LONGEST_MESSAGE,
    BlockedError,
    ChangedError,
    InvalidError,
    KernelError,
    NotNowError,
    PartlyError,
    UnfinishedError,
    UnknownOutcomeError,
    UnreachedError,
    UnusableError,
    classify,
    failure_of,
    may_have_acted,
    unsettled,
)

CLASSES = [
    (BlockedError("no"), ErrorClass.NONRETRYABLE),
    (ChangedError(), ErrorClass.NONRETRYABLE),
    (UnknownOutcomeError(), ErrorClass.NONRETRYABLE),
    (UnusableError(), ErrorClass.USER),
    (InvalidError(), ErrorClass.VALIDATION),
    (NotNowError(), ErrorClass.TRANSIENT),
    (UnfinishedError(), ErrorClass.TRANSIENT),
    (PartlyError(PermissionError()), ErrorClass.USER),
    (UnreachedError(asyncpg.InvalidPasswordError("no")), ErrorClass.USER),
    (UnreachedError(TimeoutError()), ErrorClass.TRANSIENT),
    (KernelError(), ErrorClass.SYSTEM),
    (CircuitOpen("k/t", 1.0), ErrorClass.TRANSIENT),
    (RateLimited("k/t", 1.0), ErrorClass.TRANSIENT),
    (OperationTimeout("k/t", timedelta(seconds=1)), ErrorClass.TIMEOUT),
    (TimeoutError(), ErrorClass.TIMEOUT),
    (TimeoutError(), ErrorClass.TIMEOUT),
    (ConnectionRefusedError(), ErrorClass.TRANSIENT),
    (OSError(28, "no space"), ErrorClass.TRANSIENT),
    (PermissionError(), ErrorClass.USER),
    (asyncpg.QueryCanceledError(), ErrorClass.TIMEOUT),
    (asyncpg.LockNotAvailableError(), ErrorClass.TRANSIENT),
    (asyncpg.CannotConnectNowError(), ErrorClass.TRANSIENT),
    (asyncpg.AdminShutdownError(), ErrorClass.TRANSIENT),
    (asyncpg.TooManyConnectionsError(), ErrorClass.SYSTEM),
    (asyncpg.InvalidPasswordError(), ErrorClass.USER),
    (asyncpg.InsufficientPrivilegeError(), ErrorClass.USER),
    (asyncpg.UndefinedFunctionError(), ErrorClass.USER),
    (asyncpg.InvalidCatalogNameError(), ErrorClass.USER),
    (asyncpg.NumericValueOutOfRangeError(), ErrorClass.VALIDATION),
    (asyncpg.InternalServerError(), ErrorClass.SYSTEM),
    (asyncpg.ConnectionDoesNotExistError(), ErrorClass.TRANSIENT),
    (RuntimeError("a bug"), ErrorClass.SYSTEM),
]


@pytest.mark.parametrize(("error", "wanted"), CLASSES, ids=lambda value: type(value).__name__)
def test_every_failure_has_its_class(error: Exception, wanted: ErrorClass) -> None:
    assert classify(error) is wanted


# What says that nothing was changed, and what does not.
ENDS = [
    (BlockedError("no"), False),
    (ChangedError(), False),
    (UnusableError(), False),
    (InvalidError(), False),
    (NotNowError(), False),
    (UnreachedError(ConnectionResetError()), False),
    (CircuitOpen("k/t", 1.0), False),
    (RateLimited("k/t", 1.0), False),
    (PermissionError(), False),
    (asyncpg.InsufficientPrivilegeError(), False),
    (asyncpg.LockNotAvailableError(), False),
    (UnfinishedError(), True),
    (PartlyError(ChangedError()), True),
    (OperationTimeout("k/t", timedelta(seconds=1)), True),
    (TimeoutError(), True),
    (ConnectionResetError(), True),
    (OSError(5, "input/output error"), True),
    (asyncpg.QueryCanceledError(), True),
    (asyncpg.AdminShutdownError(), True),
    (asyncpg.ConnectionDoesNotExistError(), True),
    (RuntimeError("a bug"), True),
]


@pytest.mark.parametrize(("error", "wanted"), ENDS, ids=lambda value: type(value).__name__)
def test_every_end_of_a_change_tells_whether_it_may_have_happened(
    error: Exception, wanted: bool
) -> None:
    assert may_have_acted(error) is wanted


def test_what_may_have_happened_is_tried_again_or_left_to_a_person() -> None:
    again = unsettled(failure_of(ConnectionResetError("gone")))
    assert (again.error_class, again.message) == (
        ErrorClass.TRANSIENT,
        "begun: ConnectionResetError: gone",
    )
    final = unsettled(failure_of(BlockedError("no")))
    assert (final.error_class, final.message) == (ErrorClass.UNDECIDED, "begun: blocked: no")
    assert len(unsettled(failure_of(RuntimeError("x" * 2000))).message) <= LONGEST_MESSAGE


def test_a_refusal_begins_with_the_word_that_verification_looks_for() -> None:
    failure = failure_of(BlockedError("no capability"))
    assert failure.message == "blocked: no capability"
    assert failure.error_class not in RETRYABLE


def test_a_message_is_one_short_line() -> None:
    message = failure_of(RuntimeError("line\n" * 1000)).message
    assert "\n" not in message
    assert len(message) <= LONGEST_MESSAGE


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "a\u202eb", "a\x1b[31mb", "ä b"])
def test_a_message_can_be_stored_and_shown_anywhere(text: str) -> None:
    message = failure_of(BlockedError(text)).message
    assert message.isprintable()
    message.encode()


def test_without_a_text_the_docstring_speaks() -> None:
    assert failure_of(ChangedError()).message.startswith("Changed by somebody else")
