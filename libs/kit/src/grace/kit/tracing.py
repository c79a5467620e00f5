"""Trace context through headers and rows (W3C traceparent), with OpenTelemetry's SDK."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("grace.kit")
# A batch of 256 messages need not carry 256 links.
_MOST_LINKS = 32


def start_tracing() -> None:
    """Install the SDK's provider once; without it every span would be empty."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider(resource=Resource({"service.name": "grace"})))


def current_traceparent() -> str | None:
    """The traceparent of the span that is running."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def span(name: str, *, kind: SpanKind, parents: Iterable[str | None] = ()) -> trace.Span:
    """A span whose parent is the only traceparent given, or which links to several."""
    contexts = [_PROPAGATOR.extract({"traceparent": p}) for p in dict.fromkeys(parents) if p]
    if len(contexts) == 1:
        return _TRACER.start_span(name, context=contexts[0], kind=kind)
    links = [Link(trace.get_current_span(c).get_span_context()) for c in contexts[:_MOST_LINKS]]
    return _TRACER.start_span(name, kind=kind, links=links)


def use(running: Span) -> AbstractContextManager[Span]:
    """A context manager that makes the span current and ends it."""
    return trace.use_span(running, end_on_exit=True)
