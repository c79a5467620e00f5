"""Everything intent is made of, in the order it starts."""

from datetime import timedelta
from functools import partial

from grace.intent import handlers, loops
from grace.intent.settings import Settings
from grace.kit import Service

# Every error that comes in and every intent wakes the planner, and its statements are the same for many.
# What comes alone waits only where the planner has just looked.
_PLAN_PAUSE = timedelta(milliseconds=50)


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings = settings or Settings()
    library = loops.LoadPlaybooks(settings)
    close = partial(handlers.close_missions, settings, loops.Plan)
    return (
        Service("intent", settings)
        .schema(__file__)
        .handle(handlers.stream(settings, planner=loops.Plan))
        .serve(handlers.rpc(settings, planner=loops.Plan))
        .every(settings.load_interval, library)
        .every(settings.plan_interval, loops.Plan(settings, library), pause=_PLAN_PAUSE)
        .every(settings.forget_interval, loops.Forget())
        .every(settings.recall_interval, loops.Recall(settings, close))
    )
