"""What a stream refuses, as a full one does: told at once, and nobody else's trouble."""

import asyncio

import pytest
from nats.js.errors import APIError

from grace.kit import Runtime

from .conftest import SUBJECT


async def test_a_refusal_arrives(still: Runtime) -> None:
    """Who never heard of it would wait for as long as for a server that is gone."""
    answer = await still.stream.publish_async(SUBJECT, b"", stream="INTAKE")
    with pytest.raises(APIError, match="stream"):
        async with asyncio.timeout(3):
            await answer
