"""What people steer."""

from grace.htm.store.steering.queues import Queues
from grace.htm.store.steering.tasks import Steering

__all__ = ["Queues", "Steering"]
