"""The deadline of one operation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from .errors import OperationTimeout


@asynccontextmanager
async def deadline(after: timedelta, name: str) -> AsyncIterator[asyncio.Timeout]:
    """Cancel the body when `after` has passed and raise OperationTimeout in `name`'s name.

    A body that ends late with a result, because it swallowed the cancellation or blocked the
    loop, has timed out all the same: late is never success. A TimeoutError of the body's own
    passes unchanged.
    """
    limit = asyncio.timeout(after.total_seconds())
    try:
        async with limit:
            yield limit
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise OperationTimeout(name, after) from error
    if is_over(limit):
        raise OperationTimeout(name, after)


def is_over(limit: asyncio.Timeout) -> bool:
    """Tell whether the time is up, even if the loop was too busy to notice.

    Asking the clock alone would not do: the loop may fire up to one clock tick early.
    """
    due = limit.when()
    return limit.expired() or (due is not None and asyncio.get_running_loop().time() >= due)
