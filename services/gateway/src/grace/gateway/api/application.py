"""The FastAPI app: one router for each noun, one door around them."""

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from grace.gateway.api import (
    analytics,
    approval_events,
    approvals,
    approvers,
    attention,
    autonomy,
    baselines,
    benchmarks,
    brake,
    chat,
    consents,
    console,
    contracts,
    description,
    docs,
    emergencies,
    errors,
    events,
    figures,
    freezes,
    health,
    holds,
    intake,
    intents,
    key_limits,
    keys,
    kill_switch,
    knowledge,
    learning,
    log,
    missions,
    observability,
    orders,
    playbooks,
    policies,
    quarantine,
    queues,
    quotas,
    results,
    reviews,
    rulings,
    schedules,
    steering,
    targets,
    tasks,
    trials,
    webhooks,
    ws,
)
from grace.gateway.api.door import Door
from grace.gateway.api.feed import Feed
from grace.gateway.api.limits import Limits
from grace.gateway.api.provider_keys import ProviderKeys
from grace.gateway.api.reports import reports
from grace.gateway.api.sign_on import SignOn
from grace.gateway.api.submissions import submissions
from grace.gateway.api.visit import PAGE_FILES
from grace.gateway.settings import Settings
from grace.kit import Runtime
from grace.kit.blobs import open_blobs

_DESCRIPTION = """
Grace heals systems on its own, and can prove what it did.

Every answer is an envelope `{data, meta}`; every failure is `application/problem+json` (RFC 9457)
with a `code` out of a closed list. Give your API key as `Authorization: Bearer grace_..` or as
`X-API-Key`. Times are RFC 3339 in UTC; bytes are base64, hashes are lower-case hex; 64-bit integers
are text, since a double does not hold them.
"""

_NOUNS = (
    health,
    keys,
    intake,
    webhooks,
    intents,
    holds,
    freezes,
    playbooks,
    missions,
    attention,
    targets,
    approval_events,
    approvals,
    emergencies,
    approvers,
    reviews,
    kill_switch,
    brake,
    policies,
    trials,
    rulings,
    autonomy,
    consents,
    events,
    ws,
    baselines,
    benchmarks,
    contracts,
    knowledge,
    observability,
    analytics,
    learning,
    tasks,
    results,
    steering,
    queues,
    quotas,
    key_limits,
    orders,
    schedules,
    figures,
    quarantine,
    log,
    chat,
    docs,
    console,
)


def application(
    runtime: Runtime, settings: Settings, keys: ProviderKeys, cursor_key: bytes
) -> ASGIApp:
    """Build the app around a running service."""
    app = rest(runtime, settings)
    app.state.sign_on = SignOn(settings, keys, runtime)
    app.state.cursor_key = cursor_key
    app.state.feed = Feed(runtime, settings)
    app.state.places = ws.Places(settings)
    app.state.submissions = submissions(runtime, settings)
    app.state.reports = reports(runtime)
    return Door(app, runtime, settings, app.state.sign_on)


def rest(runtime: Runtime | None, settings: Settings) -> FastAPI:
    """Build the routes; without a runtime they can be described but not asked."""
    # Its pages load nothing from other hosts: where Grace is installed there may be no way out.
    app = FastAPIOffline(
        static_url=PAGE_FILES,
        title="Grace",
        version="0.1.0",
        description=_DESCRIPTION,
        # The door has the span of a request. Logs of FastAPI's own would hold what was sent, stack traces
        # included.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        redirect_slashes=False,  # a redirect would repeat the Host header of whoever asks
    )
    app.state.runtime = runtime
    app.state.settings = settings
    app.state.limits = Limits(settings)
    app.state.blobs = open_blobs(settings)
    errors.install(app)
    description.install(app)
    for noun in _NOUNS:
        # As they are: include_router would make all of them anew at the first request of each app.
        app.router.routes.extend(noun.router.routes)
    return app
