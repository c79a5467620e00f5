"""The client for asyncio. `grace.client.sync` is made from it by `python -m grace.client.twins`."""

from grace.client.aio.grace import Grace

__all__ = ["Grace"]
