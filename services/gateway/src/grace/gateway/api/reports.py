"""What callers report on its way to the outbox: one statement and one commit carry all that waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from grace.contracts.message import Message
from grace.kit import Gathering, GraceError, Runtime
from grace.kit.database import TRANSIENT

# One statement takes so many; a caller with more of them goes alone.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """A message that a caller sends, and what it belongs to."""

    identity: UUID
    message: Message
    tenant: str
    correlation_id: str
    traceparent: str | None


Reports = Gathering[Sequence[Report], None]


def reports(runtime: Runtime) -> Reports:
    """What gathers the reports of one gateway."""

    async def tell(asked: Sequence[Sequence[Report]]) -> Sequence[Exception | None]:
        try:
            await _tell(runtime, [report for reports in asked for report in reports])
        except TRANSIENT as error:
            return [error] * len(asked)
        except GraceError as error:
            if len(asked) == 1:
                return [error]
            # One of them cannot be told; the others must not pay for it.
            return [told for each in asked for told in await tell([each])]
        return [None] * len(asked)

    return Gathering(runtime, tell, most=_MOST, weight=len)


async def _tell(runtime: Runtime, found: Sequence[Report]) -> None:
    async with runtime.telling() as unit:
        for report in found:
            unit.publish(
                report.message,
                identity=report.identity,
                tenant=report.tenant,
                correlation_id=report.correlation_id,
                traceparent=report.traceparent,
            )
