# Made from grace.client.aio by grace.client.twins: do not edit.
"""The client for asyncio. `grace.client.sync` is made from it by `python -m grace.client.twins`."""

from grace.client.sync.grace import SyncGrace

__all__ = ["SyncGrace"]
