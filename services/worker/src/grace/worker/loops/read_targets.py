"""Tells people of a targets file that cannot be used before a task needs one of its targets."""

from grace.kit import Runtime
from grace.worker.domain.failure import NotNowError
from grace.worker.kernels.targets_file import TargetsFile


class ReadTargets:
    """Until the file is mended nothing is registered: a worker that is well says so all the same."""

    def __init__(self, targets: TargetsFile) -> None:
        self._targets = targets

    async def tick(self, runtime: Runtime) -> bool:
        """Read the file where it has changed, and say what is wrong with it."""
        told, found = runtime.complaints.get("targets", []), list[str]()
        try:
            self._targets.read()
        except NotNowError as error:
            found = [str(error)]
        runtime.complaints["targets"] = found
        if found and found != told:
            runtime.log.error("targets.unusable", error=found[0])
        return False
