"""Intent asks whether a measurement that verification takes itself could be taken."""

from collections.abc import Callable
from typing import TypeAlias

from grace.contracts.verification import ValidatedMeasurement, ValidateMeasurement
from grace.kit import Called, Runtime
from grace.verification.domain.source import BadSourceError
from grace.verification.settings import Settings

# Operation, source and parameters; raises BadSourceError where nobody may be asked so.
Check: TypeAlias = Callable[[str, str, str], object]


async def on_validate(
    settings: Settings, check: Check, call: Called[ValidateMeasurement], _: Runtime
) -> ValidatedMeasurement:
    """Tell what stands against a measurement; nothing is asked of its source."""
    body = call.body
    try:
        check(body.operation, body.source, body.params)
    except BadSourceError as error:
        return ValidatedMeasurement(valid=False, problems=(str(error)[:1000],), timeout_ms=0)
    longest = int(settings.source_timeout.total_seconds() * 1000)
    return ValidatedMeasurement(valid=True, problems=(), timeout_ms=longest)
