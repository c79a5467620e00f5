"""Trace context through headers and rows (W3C traceparent).

Where somebody gave OpenTelemetry a provider that records, spans are recorded; else they are what
headers and logs need of them, an identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("grace.kit")
_IDS = RandomIdGenerator()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
# A batch of 256 messages need not carry 256 links.
_MOST_LINKS = 32


def current_traceparent() -> str | None:
    """The traceparent of the span that is running."""
    own = trace.get_current_span().get_span_context()
    if not own.is_valid:
        return None
    return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"


def span(name: str, *, kind: SpanKind, parents: Iterable[str | None] = ()) -> Span:
    """A span whose parent is the only traceparent given, or which links to several."""
    contexts = [_PROPAGATOR.extract({"traceparent": p}) for p in dict.fromkeys(parents) if p]
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        return _unrecorded(contexts)
    if len(contexts) == 1:
        return _TRACER.start_span(name, context=contexts[0], kind=kind)
    links = [Link(trace.get_current_span(c).get_span_context()) for c in contexts[:_MOST_LINKS]]
    return _TRACER.start_span(name, kind=kind, links=links)


def _unrecorded(contexts: Sequence[Context]) -> Span:
    """A span of the same trace as its parent's."""
    parent = trace.get_current_span(contexts[0] if len(contexts) == 1 else None).get_span_context()
    continues = parent.is_valid
    return NonRecordingSpan(
        SpanContext(
            parent.trace_id if continues else _IDS.generate_trace_id(),
            _IDS.generate_span_id(),
            is_remote=False,
            trace_flags=parent.trace_flags if continues else _SAMPLED,
            trace_state=parent.trace_state,
        )
    )


def serving(name: str, traceparent: str | None) -> AbstractContextManager[Span]:
    """A context manager for an answer to somebody outside, who may have begun the trace."""
    return use(span(name, kind=SpanKind.SERVER, parents=[traceparent]))


def use(running: Span) -> AbstractContextManager[Span]:
    """A context manager that makes the span current and ends it."""
    return trace.use_span(running, end_on_exit=True)
