"""Tells people what is wrong with a targets file before a task needs one of its targets."""

from grace.kit import Runtime
from grace.worker.domain.definition import doubled
from grace.worker.domain.failure import NotNowError
from grace.worker.kernels.targets_file import TargetsFile


class ReadTargets:
    """Until a file that cannot be used is mended nothing is registered: a worker that is well says so all the same."""

    def __init__(self, targets: TargetsFile) -> None:
        self._targets = targets

    async def tick(self, runtime: Runtime) -> bool:
        """Read the file where it has changed, and say what is wrong with it."""
        told = runtime.complaints.get("targets", [])
        try:
            event, found = "targets.doubled", doubled(self._targets.read().values())
        except NotNowError as error:
            event, found = "targets.unusable", [str(error)]
        runtime.complaints["targets"] = found
        if found and found != told:
            runtime.log.error(event, error="; ".join(found))
        return False
