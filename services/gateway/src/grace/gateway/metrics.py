"""What the gateway measures beyond what the kit measures."""

from prometheus_client import Counter, Gauge, Histogram
from websockets.frames import CloseCode

from grace.contracts.hunter import KINDS, SUSPECTED

# 0.2, 0.5, 1 and 2 s are the limits that Grace promises (REQUIREMENTS R4-57, R4-58).
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter(
    "grace_gateway_requests_total", "HTTP requests answered", ("method", "route", "status")
)
REQUEST_SECONDS = Histogram(
    "grace_gateway_request_duration_seconds",
    "From the last byte of the head to the last byte of the answer; of a stream, to its first",
    ("method", "route"),
    buckets=_SECONDS,
)
SECRETS = Counter(
    "grace_gateway_secrets_total",
    "Secrets in what was sent, by kind and by what became of them: removed from a report, or refused",
    ("kind", "fate"),
)
SUSPICIONS = Counter(
    "grace_gateway_suspicions_total",
    "Bodies with words that are meant for a program, by kind; Grace reads them as words",
    ("kind",),
)
# At 0 from the start: Prometheus sees no step from nothing to the first one, which a panel counts.
for _kind in KINDS:
    SECRETS.labels(_kind, "removed")
    SECRETS.labels(_kind, "refused")
for _kind in SUSPECTED:
    SUSPICIONS.labels(_kind)
CHAT_ANSWERS = Counter(
    "grace_gateway_chat_answers_total",
    "Answers of the chat, by whether everything that was needed answered",
    ("outcome",),
)
for _outcome in ("whole", "degraded"):
    CHAT_ANSWERS.labels(_outcome)
ENDING_KEYS = Gauge(
    "grace_gateway_keys_ending",
    "API keys in use that end within key_warning, or ended within it; every replica tells the same number",
)
SOCKETS = Gauge("grace_gateway_websockets", "WebSockets that are open")
SOCKET_EVENTS = Counter("grace_gateway_websocket_events_total", "Events sent over WebSockets")
SOCKET_CLOSES = Counter(
    "grace_gateway_websocket_closes_total", "WebSockets that ended, by close code", ("code",)
)
# Those of RFC 6455 and ours; a client may invent others.
_CLOSE_CODES = frozenset({*map(int, CloseCode), 4401})
for _code in (*sorted(map(str, _CLOSE_CODES)), "other"):
    SOCKET_CLOSES.labels(_code)


def count_close(code: int) -> None:
    """Count a WebSocket that ended."""
    SOCKET_CLOSES.labels(str(int(code)) if code in _CLOSE_CODES else "other").inc()
