"""Everything the gateway is made of, in the order it starts."""

from functools import partial

from grace.gateway import loops
from grace.gateway.api.provider_keys import ProviderKeys
from grace.gateway.api.server import refuse_unfit, serve
from grace.gateway.settings import Settings
from grace.kit import Service


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings = settings or Settings()
    keys = ProviderKeys(settings)
    return (
        Service("gateway", settings)
        .schema(__file__)
        .check(partial(refuse_unfit, settings))
        .every(settings.forget_interval, loops.Forget())
        .every(settings.key_warning_interval, loops.CountEndingKeys(settings.key_warning))
        .every(settings.oidc_refresh, keys)
        .run(partial(serve, settings, keys))
    )
