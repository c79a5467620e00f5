"""Everything htm is made of, in the order it starts."""

from datetime import timedelta

from grace.htm import handlers, loops
from grace.htm.handlers.schedules import take_in_slots
from grace.htm.settings import Settings
from grace.htm.store.relations import Ends
from grace.kit import Service

# Ends come by the hundred; who waits for one alone does not wait for this.
_FOLLOW_PAUSE = timedelta(milliseconds=20)


def build(settings: Settings | None = None) -> Service:
    """Put htm together."""
    settings = settings or Settings()
    return (
        Service("htm", settings)
        .schema(__file__)
        .handle(handlers.stream(settings))
        .serve(handlers.rpc(settings))
        .every(settings.promote_interval, loops.Promote(settings))
        .every(settings.schedule_interval, loops.Fire(settings, take_in_slots))
        .every(settings.rescue_interval, loops.Rescue(settings), leader=True)
        .every(settings.expire_interval, loops.Expire(settings), leader=True)
        .every(settings.follow_interval, loops.Follow(settings), pause=_FOLLOW_PAUSE, woken_by=Ends)
        .every(settings.sla_interval, loops.Warn(settings), leader=True)
        .every(settings.roll_up_interval, loops.RollUp(settings), leader=True)
        .every(settings.prune_interval, loops.Prune(settings), leader=True)
        .every(settings.count_interval, loops.Count())
    )
