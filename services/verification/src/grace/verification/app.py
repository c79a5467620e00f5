"""Everything verification is made of, in the order it starts."""

from grace.kit import Service
from grace.verification import handlers, loops
from grace.verification.loops.crash import MOMENTS
from grace.verification.loops.recall import Retellers
from grace.verification.settings import Settings
from grace.verification.store.turns import Turns


def build(settings: Settings | None = None) -> Service:
    """Build the service; it runs when the kit runs it."""
    settings = settings or Settings()
    sources = loops.Sources(
        settings.sources_file,
        largest=settings.source_answer_most,
        longest=settings.source_timeout,
    )
    turns = Turns()
    wakes = handlers.Wakes(
        advance=loops.Advance,
        baselines=loops.Baselines,
        takes=loops.TakeByWorker,
        turns=turns,
        begin=loops.Begin(settings, turns),
    )
    retellers = Retellers(handlers.retell_mission, handlers.retell_decision)
    recall = loops.Recall(settings, retellers, advance=loops.Advance)
    return (
        Service("verification", settings)
        .schema(__file__)
        .moments(MOMENTS)
        .handle(handlers.stream(settings, wakes))
        .serve(handlers.rpc(settings, wakes, sources.check))
        .every(settings.advance_interval, loops.Advance(settings, turns))
        .every(settings.takes_interval, loops.TakeByWorker(settings, advance=loops.Advance))
        .every(
            settings.takes_interval, loops.TakeBySource(settings, sources, advance=loops.Advance)
        )
        .every(settings.baselines_interval, loops.Baselines(settings, sources))
        .every(settings.watch_interval, loops.Watch(settings))
        .every(settings.baselines_interval, loops.JudgeRuns(settings))
        .every(settings.recall_interval, recall)
        .every(settings.attention_interval, loops.CountAttention())
        .every(settings.release_interval, loops.ReleaseHolds())
        .every(settings.prune_interval, loops.Prune(settings), leader=True)
    )
