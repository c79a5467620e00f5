"""Everything governance is made of, in the order it starts."""

from grace.governance import handlers, loops
from grace.governance.settings import Settings
from grace.kit import Service


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings, rulebooks = settings or Settings(), handlers.Rulebooks()
    return (
        Service("governance", settings)
        .schema(__file__)
        .handle(handlers.stream(settings, rulebooks))
        .serve(
            handlers.rpc(settings, rulebooks, handlers.Tellers(loops.Beacon, loops.TellConsents))
        )
        .every(settings.permit_interval, loops.Beacon())
        .every(settings.consents_interval, loops.TellConsents(settings))
        .every(settings.expire_interval, loops.Expire())
        .every(settings.webhook_interval, loops.Notify(settings))
        .every(settings.remind_interval, loops.Remind(settings.rhythm))
        .every(settings.remind_interval, loops.RemindReviews(settings.review_interval))
        .every(settings.remind_interval, loops.LookAround(settings.word_warning))
    )
