"""Everything knowledge is made of, in the order it starts."""

from grace.kit import Service
from grace.knowledge import handlers
from grace.knowledge.loops import Prune
from grace.knowledge.settings import Settings


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings = settings or Settings()
    return (
        Service("knowledge", settings)
        .schema(__file__)
        .handle(handlers.stream())
        .serve(handlers.rpc())
        .every(settings.prune_interval, Prune(settings.keep_keys), leader=True)
    )
