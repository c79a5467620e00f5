"""What an operator may change about the gateway."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from grace.kit import ServiceSettings, service_config


class Settings(ServiceSettings):
    """The kit's settings, and those of the HTTP server."""

    model_config = service_config("gateway")

    # Reached from outside only where somebody decided so, behind TLS.
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    # Holds the token of the principal `admin` with every scope; absent: nobody is seated.
    admin_key_file: Path | None = None
    # The owner of a query answers well within this, or the caller gets 504.
    rpc_timeout: timedelta = timedelta(seconds=5)
    # One probe of `GET /api/health`: a service that needs longer is not well.
    probe_timeout: timedelta = timedelta(seconds=1)
    # What NATS carries in one message: a larger body could not be passed on anyway.
    body_limit: int = Field(default=1024 * 1024, ge=1024)
    # A body that trickles in slower holds a connection for nothing.
    body_timeout: timedelta = timedelta(seconds=10)
    # A key that nobody renews for a quarter is forgotten; it is safer dead.
    key_lifetime: timedelta = timedelta(days=90)
    # Requests in hand may end for this long when the gateway stops.
    drain_timeout: timedelta = timedelta(seconds=10)
