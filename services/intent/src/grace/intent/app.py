"""Everything intent is made of, in the order it starts."""

from grace.intent import handlers, loops
from grace.intent.settings import Settings
from grace.kit import Service


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings = settings or Settings()
    library = loops.LoadPlaybooks(settings)
    return (
        Service("intent", settings)
        .schema(__file__)
        .handle(handlers.stream(settings, planner=loops.Plan))
        .serve(handlers.rpc(settings, planner=loops.Plan))
        .every(settings.load_interval, library)
        .every(settings.plan_interval, loops.Plan(settings, library))
        .every(settings.forget_interval, loops.Forget())
        .every(settings.recall_interval, loops.Recall(settings))
    )
