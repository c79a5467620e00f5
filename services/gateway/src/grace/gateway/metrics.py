"""What the gateway measures beyond what the kit measures."""

from prometheus_client import Counter, Histogram

# 0.2, 0.5, 1 and 2 s are the limits that Grace promises (REQUIREMENTS R4-57, R4-58).
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter(
    "grace_gateway_requests_total", "HTTP requests answered", ("method", "route", "status")
)
REQUEST_SECONDS = Histogram(
    "grace_gateway_request_duration_seconds",
    "From the last byte of the head to the last byte of the answer",
    ("method", "route"),
    buckets=_SECONDS,
)
