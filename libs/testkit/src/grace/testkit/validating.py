"""What a worker says of actions before anybody orders them, for tests that play the worker themselves."""

from dataclasses import dataclass

from grace.contracts.worker import ValidateAction, ValidatedAction
from grace.kit import Called, Rpc, Runtime


@dataclass
class Validating:
    """Finds no fault with any action; `place` is what it knows every target as."""

    place: str | None = "d" * 64

    @property
    def rpc(self) -> Rpc:
        """The answers, for whoever acts as the worker."""
        return Rpc().direct(ValidateAction, self._validated)

    async def _validated(self, _: Called[ValidateAction], __: Runtime) -> ValidatedAction:
        return ValidatedAction(
            valid=True,
            problems=(),
            kernel="noop",
            tier=1,
            reversible=False,
            observes_only=True,
            timeout_ms=30_000,
            definition=self.place,
        )
