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
    UnknownOutcomeError,
    UnusableError,
    classify,
    failure_of,
)

CLASSES = [
    (BlockedError("no"), ErrorClass.NONRETRYABLE),
    (ChangedError(), ErrorClass.NONRETRYABLE),
    (UnknownOutcomeError(), ErrorClass.NONRETRYABLE),
    (UnusableError(), ErrorClass.USER),
    (InvalidError(), ErrorClass.VALIDATION),
    (NotNowError(), ErrorClass.TRANSIENT),
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
