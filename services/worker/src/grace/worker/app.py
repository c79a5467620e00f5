"""The composition root: everything the worker is made of, in the order it starts."""

from functools import partial

from grace.contracts.governance import Permit, SignedConsents
from grace.contracts.htm import WorkHint
from grace.kit import Service, new_id
from grace.kit.blobs import open_blobs
from grace.worker import handlers
from grace.worker.kernels.consents import Consents
from grace.worker.kernels.registry import Registry
from grace.worker.kernels.targets_file import TargetsFile
from grace.worker.loops.bench import Bench
from grace.worker.loops.claim import Beat, Claim
from grace.worker.loops.crash import MOMENTS
from grace.worker.loops.guard import Guard
from grace.worker.loops.prune import Prune, PruneStates
from grace.worker.loops.read_targets import ReadTargets
from grace.worker.loops.report import Reporter
from grace.worker.loops.switch import KillSwitch
from grace.worker.loops.tools import Tools
from grace.worker.loops.vouch import Vouch
from grace.worker.settings import Settings


def build(settings: Settings | None = None) -> Service:
    """Return the worker."""
    settings = settings or Settings()
    registry, targets = Registry(settings.kernels), TargetsFile(settings.targets_file)
    patience = settings.permit_patience.total_seconds()
    switch, consents = KillSwitch(patience), Consents(patience)
    tools = Tools(
        worker_id=f"worker-{new_id()}",  # a new one each start: nobody takes over a lost process's tasks
        registry=registry,
        targets=targets,
        guard=Guard(),
        switch=switch,
        consents=consents,
        results=open_blobs(settings),
        states=open_blobs(settings, "states"),
    )
    bench = Bench(tools, settings.slots)
    claim = Claim(bench)
    return (
        Service("worker", settings)
        .schema(__file__)
        .moments(MOMENTS)
        .handle(handlers.stream())
        .serve(handlers.rpc(registry, targets, consents, settings.longest_operation))
        .listen(Permit, partial(handlers.on_permit, switch.hear, Vouch))
        .listen(SignedConsents, partial(handlers.on_consents, consents))
        .listen(WorkHint, partial(handlers.on_work_hint, registry, Claim))
        .run(Reporter(bench, claim, drain=settings.drain.total_seconds()).run)
        .every(settings.permit_renewal, Vouch(switch, settings.permit_renewal))
        .every(settings.claim_interval, claim)
        .every(settings.beat_interval, Beat(bench))
        .every(settings.beat_interval, ReadTargets(targets))
        .every(settings.prune_interval, Prune(tools, settings.keep_results), leader=True)
        .every(
            settings.prune_interval, PruneStates(tools, settings.keep_unused_states), leader=True
        )
    )
