"""The one error of this library."""


class StackError(Exception):
    """A server cannot run; the message is one line that says what to do."""
