"""Structured logs: one JSON line an event, with the trace that it belongs to."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace

from grace.kit.rotation import TurningFile

Logger = structlog.stdlib.BoundLogger

_SECRET_WORDS = ("password", "secret", "token", "seed", "private")

_REDACTED = "[redacted]"
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")


def configure(level: str = "info", file: Path | None = None) -> None:
    """Send every log of the process to one place: a file, which is turned, or standard error."""
    handler: logging.StreamHandler[Any] = (
        _ToFile(cast("TextIO", TurningFile(file))) if file else logging.StreamHandler()
    )
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(default=str)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(handler.stream))),
        cache_logger_on_first_use=False,
    )
    _bridge_stdlib(shared, handler, level)


class _ToFile(logging.StreamHandler[TextIO]):
    """Writes into a stream of its own, which ends with it."""

    def close(self) -> None:
        """Close the stream."""
        self.stream.close()
        super().close()


class _Unfailing:
    """A stream that loses what cannot be written: a full disk must end no part of a service.

    Once it can be written again, it is told how often it could not.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failures = 0

    def write(self, text: str) -> None:
        """Take a line, or the end of one."""
        self._tried(lambda: self._stream.write(text))

    def flush(self) -> None:
        """Write what was taken."""
        if self._tried(self._stream.flush) and self._failures:
            told = {"event": "log.unwritable", "level": "error", "times": self._failures}
            self._failures = 0
            self._tried(lambda: self._stream.write(f"\n{json.dumps(told)}\n"))

    def _tried(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except OSError:
            self._failures += 1
            return False
        return True


def _bridge_stdlib(shared: list[Any], handler: logging.StreamHandler[Any], level: str) -> None:
    """Libraries log through the standard library; their lines take the same form."""
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))


def _add_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: _without_secrets(name, value) for name, value in event.items()}


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def _without_secrets(name: str, value: object) -> object:
    if _is_secret(name):
        return _REDACTED
    match value:
        case str():
            return _LOGIN_IN_URL.sub(f"{_REDACTED}@", value) if "@" in value else value
        case Mapping():
            return {key: _without_secrets(str(key), each) for key, each in value.items()}
        case list() | tuple():
            return [_without_secrets(name, each) for each in value]
        case _:
            return value


def logger(service: str) -> Logger:
    """The logger of a service."""
    bound: Logger = structlog.get_logger().bind(service=service)
    return bound
