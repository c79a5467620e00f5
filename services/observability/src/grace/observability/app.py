"""Everything observability is made of, in the order it starts."""

from datetime import timedelta

from grace.kit import Service
from grace.observability import handlers, loops
from grace.observability.settings import Settings
from grace.observability.store import Components, Pulse

# Any mission that ends may be one to follow, and a hundred may end in a second.
_FOLLOW_PAUSE = timedelta(milliseconds=500)
# What is loaded in one go is counted in one go.
_COUNT_PAUSE = timedelta(seconds=1)


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings = settings or Settings()
    pulse, components = Pulse(), Components()
    wakes = handlers.Wakes(
        watch=loops.Watch, submit=loops.Submit, follow=loops.Follow, count=loops.Count
    )
    health_beat, hear = handlers.signal(pulse)
    return (
        Service("observability", settings)
        .schema(__file__)
        .handle(handlers.stream(settings, wakes))
        .serve(handlers.rpc(settings, pulse, components))
        .listen(health_beat, hear)
        .every(settings.watch_interval, loops.Watch(settings, pulse, handlers.announce))
        .every(settings.submit_interval, loops.Submit(settings))
        .every(settings.follow_interval, loops.Follow(settings), pause=_FOLLOW_PAUSE)
        .every(settings.probe_interval, loops.Probe(settings, components))
        .every(settings.expire_interval, loops.Expire(settings))
        .every(settings.prune_interval, loops.Prune(settings))
        .every(settings.cube_interval, loops.Count(), pause=_COUNT_PAUSE)
        .every(settings.prune_interval, loops.Forget(settings))
    )
