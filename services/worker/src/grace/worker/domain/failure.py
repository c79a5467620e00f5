"""What can go wrong with an operation, and which class of failure htm is told."""

from collections.abc import Callable
from dataclasses import dataclass

from grace.resilience.errors import NotStarted, ResilienceError
from grace.resilience.retry import RETRYABLE, ErrorClass
from grace.worker.domain.consent import Use

LONGEST_MESSAGE = 1000  # characters: the rest of a stack of causes helps nobody in a report


class KernelError(Exception):
    """An operation did not do what was asked; the docstring is the message where none is given.

    `undecided`: an earlier attempt may have done it, and this one may not go on with it.
    `begun`: this attempt may have done it, or a part of it.
    """

    error_class: ErrorClass = ErrorClass.SYSTEM
    undecided: bool = False
    begun: bool = False

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (type(self).__doc__ or "").split("\n", maxsplit=1)[0])


class BlockedError(KernelError):
    """Nobody permitted this: nothing was touched."""

    error_class = ErrorClass.NONRETRYABLE

    def __str__(self) -> str:
        """Begin with the word by which verification tells a refusal from a failure."""
        return f"blocked: {super().__str__()}"


class NoSecretError(KernelError):
    """The operation does not get a secret that it needs; none was read.

    `untouched`: nothing was begun either, in this attempt or an earlier one.
    """

    error_class = ErrorClass.NONRETRYABLE

    def __init__(self, detail: str = "", *, untouched: bool = True) -> None:
        super().__init__(detail)
        self.untouched = untouched

    def __str__(self) -> str:
        """Begin as a BlockedError does where it is one."""
        words = super().__str__()
        return f"blocked: {words}" if self.untouched else words


class UnconsentedError(NoSecretError):
    """Nobody consented that the operation uses a secret; `use` is what it was for."""

    def __init__(self, detail: str = "", *, untouched: bool = True, use: Use | None = None) -> None:
        super().__init__(detail, untouched=untouched)
        self.use = use


class UnknownSecretError(NoSecretError):
    """The targets file has no secret of that name."""


class MovedError(KernelError):
    """The target stands for something else than what the action was approved for, or the baseline taken of.

    `untouched`: nothing was begun, in this attempt or an earlier one.
    """

    error_class = ErrorClass.NONRETRYABLE

    def __init__(self, target: str, *, untouched: bool) -> None:
        what = f"{target} stands for something else by now than when this was decided"
        super().__init__(f"blocked: {what}" if untouched else what)


class WithdrawnError(BlockedError):
    """Cancelled before anything was begun."""


class ChangedError(KernelError):
    """Changed by somebody else: the world is not what it was when the action was decided."""

    error_class = ErrorClass.NONRETRYABLE


class UnusableError(KernelError):
    """The operation cannot work on this target as it is set up; a person has to change that."""

    error_class = ErrorClass.USER


class InvalidError(KernelError):
    """The task is malformed."""

    error_class = ErrorClass.VALIDATION


class NotNowError(KernelError):
    """Nothing was touched; it may work in a moment."""

    error_class = ErrorClass.TRANSIENT


class UnreachedError(KernelError):
    """The target could not be reached: nothing was touched. It is classed as its cause."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(_in_words(cause))
        late = isinstance(cause, TimeoutError)  # late to be reached, not to do anything
        self.error_class = ErrorClass.TRANSIENT if late else classify(cause)


class UnfinishedError(KernelError):
    """It was done in part, or its end was not waited for: another attempt goes on with it."""

    error_class = ErrorClass.TRANSIENT
    begun = True


class PartlyError(KernelError):
    """A part of it was done before its cause, as which it is classed, stopped it."""

    begun = True

    def __init__(self, cause: Exception) -> None:
        super().__init__(_in_words(cause))
        self.error_class = classify(cause)


class UnknownOutcomeError(KernelError):
    """Whether it took effect cannot be known: a person has to look."""

    error_class = ErrorClass.NONRETRYABLE


class RedactedError(KernelError):
    """What is to be restored was a secret, of which only a fingerprint is kept: a person has to restore it."""

    error_class = ErrorClass.NONRETRYABLE


class MissingError(KernelError):
    """No before-state is stored for the action: nothing is restored by guessing."""

    error_class = ErrorClass.NONRETRYABLE


class CorruptError(KernelError):
    """The stored state is not the one that was stored: nothing is restored from it."""

    error_class = ErrorClass.NONRETRYABLE


@dataclass(frozen=True, slots=True)
class Failure:
    """What a report says about a failed attempt."""

    error_class: ErrorClass
    message: str


# Classes of SQLSTATEs by which a server that answered before says that it may not answer again.
_CONNECTION, _INTERVENTION = "08", "57"

# The SQLSTATEs that decide by themselves; after them their class (two characters) decides.
_BY_STATE = {
    "57014": ErrorClass.TIMEOUT,  # a statement was cancelled: its own timeout or a person
    "40001": ErrorClass.TRANSIENT,
    "40P01": ErrorClass.TRANSIENT,
    "55P03": ErrorClass.TRANSIENT,  # a lock was not to be had in time
    "57P01": ErrorClass.TRANSIENT,  # the server is shutting down or starting up
    "57P02": ErrorClass.TRANSIENT,
    "57P03": ErrorClass.TRANSIENT,
    "57P05": ErrorClass.TRANSIENT,
}
_BY_CLASS = {
    _CONNECTION: ErrorClass.TRANSIENT,
    "53": ErrorClass.SYSTEM,  # out of memory, disk, connections
    "58": ErrorClass.SYSTEM,
    "XX": ErrorClass.SYSTEM,
    "22": ErrorClass.VALIDATION,  # data
    "23": ErrorClass.VALIDATION,
    "28": ErrorClass.USER,  # wrong credentials
    "42": ErrorClass.USER,  # a right or a function is missing at the target
    "3D": ErrorClass.USER,  # no such database
}


def classify(error: BaseException) -> ErrorClass:
    """Return the class of a failure; what nobody foresaw is `system`."""
    match error:
        case KernelError(undecided=True):
            return ErrorClass.UNDECIDED
        case KernelError() | ResilienceError():
            return error.error_class
        case TimeoutError():
            return ErrorClass.TIMEOUT
        case PermissionError() | FileNotFoundError() | NotADirectoryError():
            return ErrorClass.USER
        case OSError():
            return ErrorClass.TRANSIENT
    return _by_sqlstate(getattr(error, "sqlstate", None))


def may_have_acted(error: BaseException) -> bool:
    """Whether a change that ended so may have taken effect, all of it or a part.

    What an operation refuses did not happen, nor what the server of a single statement refused;
    operations of more than one step say so by a KernelError that has `begun`.
    """
    match error:
        case KernelError():
            return error.begun
        case NotStarted() | PermissionError() | FileNotFoundError() | NotADirectoryError():
            return False
    state = getattr(error, "sqlstate", None)
    return not isinstance(state, str) or state[:2] in {_CONNECTION, _INTERVENTION}


def failure_of(error: BaseException, veil: Callable[[str], str] = str) -> Failure:
    """Return what to report of an exception: one line, cut where it gets long.

    `veil` takes secrets out of its text, before anything is done to it that hides one from `veil`.
    """
    text = one_line(veil(_in_words(error)))
    return Failure(classify(error), text[:LONGEST_MESSAGE])


def unsettled(failure: Failure) -> Failure:
    """Return what to report of an apply that may have taken effect.

    Another attempt goes on with it; where there shall be none, a person is asked. The word is what
    verification reads.
    """
    again = failure.error_class in RETRYABLE
    error_class = failure.error_class if again else ErrorClass.UNDECIDED
    return Failure(error_class, f"begun: {failure.message}"[:LONGEST_MESSAGE])


def _in_words(error: BaseException) -> str:
    name = type(error).__name__
    text = str(error) if str(error).strip() else name
    return text if isinstance(error, KernelError | ResilienceError) else f"{name}: {text}"


def one_line(text: str) -> str:
    """Return a text that any log and database takes: one line, what is unprintable escaped."""
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _by_sqlstate(state: object) -> ErrorClass:
    if not isinstance(state, str):
        return ErrorClass.SYSTEM
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or ErrorClass.SYSTEM
