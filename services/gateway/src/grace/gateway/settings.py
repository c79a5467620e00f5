"""What an operator may change about the gateway."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from grace.gateway.domain.access import Scope
from grace.kit import Duration, service_config
from grace.kit.blobs import BlobSettings

# As browsers send it: a path or a slash at its end would match none.
Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.:\[\]-]+$")]
# More than one process answers.
MOST_PER_SECOND = 100_000


class Settings(BlobSettings):
    """The kit's settings, and those of the HTTP server."""

    model_config = service_config("gateway")

    # Reached from outside only where somebody decided so, behind TLS.
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    # Holds the token of the principal `admin` with every scope; absent: nobody is seated.
    admin_key_file: Path | None = None
    # The owner of a query answers well within this, or the caller gets 504.
    rpc_timeout: Duration = timedelta(seconds=5)
    # One probe of `GET /api/health`: a service that needs longer is not well.
    probe_timeout: Duration = timedelta(seconds=3)
    # What NATS carries in one message: a larger body could not be passed on anyway.
    body_limit: int = Field(default=1024 * 1024, ge=1024)
    # Request line and headers; ours need a hundredth of it, a proxy's cookies some of it.
    head_limit: int = Field(default=16 * 1024, ge=1024)
    # A head or a body that trickles in slower holds a connection for nothing.
    head_timeout: Duration = timedelta(seconds=10)
    body_timeout: Duration = timedelta(seconds=10)
    # Requests a second of one key on one gateway; twice as many at once. 0: no limit.
    rate_limit: int = Field(default=100, ge=0, le=MOST_PER_SECOND)
    # The same for the key in admin_key_file, where it shall differ.
    admin_rate_limit: int | None = Field(default=None, ge=0, le=MOST_PER_SECOND)
    # Requests a second of one address with no key, or one not seen before: who guesses, guesses slowly.
    address_rate_limit: int = Field(default=20, ge=0, le=MOST_PER_SECOND)
    # How many of these at once: people behind one proxy share an address.
    address_burst: int = Field(default=100, ge=1, le=MOST_PER_SECOND)
    # A client repeats for hours after an outage, not for days.
    idempotency_lifetime: Duration = timedelta(hours=24)
    # Longer than any request: then the gateway that had it in hand is gone, and it may run again.
    idempotency_claim: Duration = timedelta(seconds=60)
    # How often answers that nobody can ask for any more are deleted.
    forget_interval: Duration = timedelta(minutes=1)
    # A key that nobody renews for a quarter is forgotten; it is safer dead.
    key_lifetime: Duration = timedelta(days=90)
    # A key that is used and ends sooner is counted by grace_gateway_keys_ending, which an alert watches: what it
    # reports would no longer be heard.
    key_warning: Duration = timedelta(days=7)
    key_warning_interval: Duration = timedelta(minutes=5)
    # How often the stream of events is looked at while somebody follows it.
    event_interval: Duration = timedelta(milliseconds=200)
    # What wakes proxies that close quiet connections; the key is checked again at each.
    event_heartbeat: Duration = timedelta(seconds=15)
    # A follower who is further behind is cut off, and goes on from where it was.
    event_backlog: int = Field(default=256, ge=1, le=10_000)
    # Who takes nothing at all of an answer or of the events for this long is gone.
    event_stall: Duration = timedelta(seconds=30)
    # Whether the pages of the web console are served; whoever has none of it still has the API.
    console: bool = True
    # Each costs a connection and a queue; a console needs one.
    event_streams_per_key: int = Field(default=8, ge=1, le=1000)
    # WebSockets of one gateway: each costs a connection, two tasks and a queue for each subscription.
    socket_limit: int = Field(default=1000, ge=1, le=100_000)
    # Of one person or program, with whatever keys: each tab of a browser has one.
    sockets_per_principal: int = Field(default=16, ge=1, le=10_000)
    # Of one connection; one with all its subjects is enough for most.
    socket_subscriptions: int = Field(default=8, ge=1, le=100)
    # Bytes of one message from a client: every subject by its name fits.
    socket_message_limit: int = Field(default=4096, ge=128, le=1024 * 1024)
    # Messages a second from a client, pings and fragments too; twice as many at once.
    socket_messages_per_second: int = Field(default=20, ge=1, le=10_000)
    # Pages of other hosts that may connect, as `https://console.example`. Its own host always may.
    socket_origins: tuple[Origin, ...] = ()
    # Questions a second of one key to the chat, each of which asks several owners; twice as many at once. 0: no limit.
    chat_rate_limit: int = Field(default=5, ge=0, le=MOST_PER_SECOND)
    # After this the chat tells what has come, and names what has not.
    chat_fallback: Duration = timedelta(seconds=25)
    # Nobody waits longer for the chat, not even for a part that does not let itself be stopped.
    chat_timeout: Duration = timedelta(seconds=30)
    # The house's identity provider (OpenID Connect), as its tokens name it in `iss`. Empty: API keys alone open.
    oidc_issuer: str = Field(default="", max_length=1000)
    # What its tokens must be meant for (`aud`): a token for another program is none for Grace.
    oidc_audience: str = Field(default="", max_length=1000)
    # Its public keys: the https address of its JSON Web Key Set (`jwks_uri`), or a file.
    oidc_keys: str = Field(default="", max_length=1000)
    # A key that it has withdrawn opens nothing after this, while it answers; a new one is found at its first token.
    oidc_refresh: Duration = timedelta(minutes=10)
    # While it does not answer, the keys that it had count for this long: longer than an outage, shorter than a theft.
    oidc_outage: Duration = timedelta(hours=12)
    # Who somebody is here: letters, digits and . _ : - ; the same name as of their API keys is the same person.
    # A house says which: with `sub`, often an opaque number, one person with a token and a key would be two.
    oidc_principal_claim: str = Field(default="", max_length=256)
    # Whose things they see. Empty: the house's own tenant.
    oidc_tenant_claim: str = Field(default="", max_length=256)
    # Their roles, as a list or a text; a dot leads into an object, e.g. realm_access.roles.
    oidc_roles_claim: str = Field(default="roles", min_length=1, max_length=256)
    # What each role may do, as JSON: {"sre": ["approvals:read", "approvals:decide"]}. Others may nothing.
    oidc_roles: dict[str, tuple[Scope, ...]] = Field(default_factory=dict)
    # Requests in hand may end for this long when the gateway stops.
    drain_timeout: Duration = timedelta(seconds=10)
