"""Everything knowledge is made of, in the order it starts."""

from datetime import timedelta

from grace.kit import Service
from grace.knowledge import handlers, loops
from grace.knowledge.embedders import embedder_of
from grace.knowledge.settings import Settings
from grace.knowledge.store import qdrant_of

# Another embedder comes with another start; what was given up waits for a day.
_RENEW_INTERVAL = timedelta(minutes=1)
# Nobody finds it meanwhile.
_WEED_INTERVAL = timedelta(hours=1)


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings = settings or Settings()
    embedder = embedder_of(settings)
    qdrant = qdrant_of(settings) if embedder else None
    service = (
        Service("knowledge", settings)
        .schema(__file__)
        .handle(handlers.stream(loops.Embed))
        .serve(handlers.rpc(embedder, qdrant))
        .every(settings.prune_interval, loops.Prune(settings.keep_keys), leader=True)
        .every(
            settings.embed_interval, loops.Embed(settings, embedder, is_copied=qdrant is not None)
        )
        .every(
            _RENEW_INTERVAL,
            loops.Renew(settings, embedder, is_copied=qdrant is not None),
            leader=True,
        )
    )
    if embedder and qdrant:
        service.every(settings.embed_interval, loops.Copy(settings, embedder, qdrant))
        service.every(_WEED_INTERVAL, loops.Weed(embedder, qdrant), leader=True)
    return service
